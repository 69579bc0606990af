-- How a ThinkSafeRun or a ThinkSafeExperiment stands. Healthy: the gate is passed and the adapter is published, or all
-- variants are measured and compared, so a sync wave may go on. Degraded: it failed, its gate failed, or it waits for a
-- human; the message says why and what to do.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

if conditions["Ready"] == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not yet looked at what was applied" }
end

local message = conditions["Ready"].message
if is("Ready") then
  return { status = "Healthy", message = message }
end
if is("Stalled") then
  return { status = "Degraded", message = message }
end
if is("Suspended") then
  return { status = "Suspended", message = message }
end
if status.progress ~= nil and status.progress ~= "" then
  message = message .. " (" .. status.progress .. ")"
end
return { status = "Progressing", message = message }
