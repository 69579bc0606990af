-- What has ended, or is being deleted, can be neither suspended nor resumed.
local phase = (obj.status or {}).phase
local over = phase == "Succeeded" or phase == "GateFailed" or phase == "Failed" or obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true
return {
  ["suspend"] = { ["disabled"] = over or suspended },
  ["resume"] = { ["disabled"] = over or not suspended },
}
