-- A run that has ended can be neither suspended nor resumed.
local phase = (obj.status or {}).phase
local ended = phase == "Succeeded" or phase == "GateFailed" or phase == "Failed"
local suspended = obj.spec.suspend == true
return {
  ["suspend"] = { ["disabled"] = ended or suspended },
  ["resume"] = { ["disabled"] = ended or not suspended },
}
