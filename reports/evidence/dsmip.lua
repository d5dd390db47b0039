-- Wireshark dissector for the extensions of draft-tsirtsis-v4v6-mipv4-00 in Mobile IPv4 registration messages, and for its A flag in
-- agent advertisements. The draft leaves the type numbers open: set them under Preferences > Protocols > DSMIP, or on the command line:
--   tshark -X lua_script:dsmip.lua -o dsmip.home_address_type:200 -o dsmip.compatibility_type:201 -o dsmip.code_type:202 -r run.pcapng
-- To have it always, copy this file into the folder of personal Lua plugins (Help > About Wireshark > Folders).

local dsmip = Proto("dsmip", "Dual-Stack Mobile IPv4")

local codes = {
  [0] = "accepted, tunnelled to the care-of address",
  [2] = "accepted, tunnelled to the home address",
  [64] = "denied by the foreign agent: reason unspecified",
  [65] = "denied by the foreign agent: administratively prohibited",
  [128] = "denied by the home agent: reason unspecified",
  [129] = "denied by the home agent: administratively prohibited",
}
local kinds = { [1] = "IPv6 home address", [2] = "compatibility", [3] = "code" }

local f = {
  kind = ProtoField.uint8("dsmip.kind", "Extension", base.DEC, kinds),
  type = ProtoField.uint8("dsmip.type", "Type"),
  length = ProtoField.uint8("dsmip.length", "Length"),
  subtype = ProtoField.uint8("dsmip.subtype", "Sub-Type"),
  address = ProtoField.ipv6("dsmip.address", "IPv6 home address"),
  r = ProtoField.bool("dsmip.r", "R: reverse tunnel to the home address", 16, nil, 0x8000),
  reserved = ProtoField.uint16("dsmip.reserved", "Reserved", base.HEX),
  code = ProtoField.uint8("dsmip.code", "Code", base.DEC, codes),
  a = ProtoField.bool("dsmip.a", "A: IPv6 extensions are supported", 16, nil, 0x0020),
}
dsmip.fields = { f.kind, f.type, f.length, f.subtype, f.address, f.r, f.reserved, f.code, f.a }

local e = {
  length = ProtoExpert.new("dsmip.wrong_length", "Wrong length", expert.group.MALFORMED, expert.severity.ERROR),
  cut = ProtoExpert.new("dsmip.cut", "Runs past the end", expert.group.MALFORMED, expert.severity.ERROR),
  reserved = ProtoExpert.new("dsmip.reserved_set", "Reserved bits are set", expert.group.PROTOCOL, expert.severity.WARN),
  code = ProtoExpert.new("dsmip.unknown_code", "No code of the draft", expert.group.PROTOCOL, expert.severity.WARN),
  numbers = ProtoExpert.new("dsmip.equal_numbers", "The type numbers are set to equal values", expert.group.PROTOCOL, expert.severity.ERROR),
}
dsmip.experts = { e.length, e.cut, e.reserved, e.code, e.numbers }

dsmip.prefs.home_address_type = Pref.uint("Type of the IPv6 home address extension", 200, "128 to 255")
dsmip.prefs.compatibility_type = Pref.uint("Type of the compatibility extension", 201, "128 to 255")
dsmip.prefs.code_type = Pref.uint("Type of the code extension", 202, "128 to 255")

-- RFC 3344 1.10: types whose extensions have the long format.
local long = {}
for _, number in ipairs({ 36, 37, 38, 40, 41, 42, 43, 47, 48, 50, 127 }) do long[number] = true end

-- What holds the octets of each message, wherever in the packet it is.
local udp_payload = Field.new("udp.payload")
local udp_ports = Field.new("udp.port")
local icmp_type = Field.new("icmp.type")
local mip_flags = Field.new("icmp.mip.flags")

local function one(kind, range, tree)
  local names = { "IPv6 home address extension", "IPv6 compatibility extension", "IPv6 code extension" }
  local node = tree:add(dsmip, range, names[kind])
  node:add(f.kind, range, kind)
  node:add(f.type, range(0, 1))
  node:add(f.length, range(1, 1))
  local length = range(1, 1):uint()
  local right = kind == 1 and 17 or 2
  if length ~= right then
    node:add_proto_expert_info(e.length, "Length " .. length .. ", " .. right .. " is right")
    return
  end
  if kind == 1 then
    node:add(f.subtype, range(2, 1))
    node:add(f.address, range(3, 16))
    node:append_text(": " .. tostring(range(3, 16):ipv6()))
  elseif kind == 2 then
    node:add(f.r, range(2, 2))
    local reserved = range(2, 2):uint() % 0x8000
    node:add(f.reserved, range(2, 2), reserved)
    node:append_text(": R=" .. (range(2, 2):uint() >= 0x8000 and 1 or 0))
    if reserved ~= 0 then node:add_proto_expert_info(e.reserved) end
  else
    local code = range(2, 1):uint()
    node:add(f.code, range(2, 1))
    node:add(f.reserved, range(3, 1))
    node:append_text(": " .. code)
    if codes[code] == nil then node:add_proto_expert_info(e.code, "Code " .. code .. " is none of the draft's") end
    if range(3, 1):uint() ~= 0 then node:add_proto_expert_info(e.reserved) end
  end
end

local function walk(range, tree)
  local kind_of = {
    [dsmip.prefs.home_address_type] = 1,
    [dsmip.prefs.compatibility_type] = 2,
    [dsmip.prefs.code_type] = 3,
  }
  local message = range(0, 1):uint()
  local at = message == 1 and 24 or 20
  while at < range:len() do
    local number = range(at, 1):uint()
    if number == 0 then
      at = at + 1
    else
      local header = long[number] and 4 or 2
      if at + header > range:len() then
        tree:add_proto_expert_info(e.cut)
        return
      end
      local length = long[number] and range(at + 2, 2):uint() or range(at + 1, 1):uint()
      if at + header + length > range:len() then
        if kind_of[number] ~= nil then tree:add_proto_expert_info(e.cut) end
        return
      end
      if kind_of[number] ~= nil then one(kind_of[number], range(at, header + length), tree) end
      at = at + header + length
    end
  end
end

function dsmip.dissector(buffer, pinfo, tree)
  local p = dsmip.prefs
  if p.home_address_type == p.compatibility_type or p.home_address_type == p.code_type or p.compatibility_type == p.code_type then
    tree:add_proto_expert_info(e.numbers)
    return
  end
  local is_mobile_ip = false
  for _, port in ipairs({ udp_ports() }) do
    if port.value == 434 then is_mobile_ip = true end
  end
  if is_mobile_ip then
    for _, payload in ipairs({ udp_payload() }) do
      local range = payload.range
      if range:len() >= 1 then
        local message = range(0, 1):uint()
        if (message == 1 and range:len() > 24) or (message == 3 and range:len() > 20) then walk(range, tree) end
      end
    end
  end
  for _, flags in ipairs({ mip_flags() }) do
    if flags.range:len() == 2 then tree:add(f.a, flags.range) end
  end
end

register_postdissector(dsmip)
