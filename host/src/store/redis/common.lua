-- What the scripts share. The time is the server's, so that all who ask agree.
-- A counter is one key: an array of integers, all below 2^53.
local SLIDING, FIXED, BUCKET = 0, 1, 2
local MS, DAY, WEEK = 0, 1, 2
local DAY_MS = 86400000
local YEAR_US = 365 * DAY_MS * 1000
local MOST = 9007199254740991
local floor, min, max = math.floor, math.min, math.max

local clock = redis.call('TIME')
local us = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local ms = floor(us / 1000)

local function load(key)
  local raw = redis.call('GET', key)
  if raw then return cmsgpack.unpack(raw) end
  return {}
end

local function save(key, state, ttl_ms)
  redis.call('SET', key, cmsgpack.pack(state), 'PX', string.format('%.0f', max(ttl_ms, 1)))
end

-- The limit's numbers: see `Rule::args`.
local function limit(key, at)
  local function number(i) return tonumber(ARGV[at + i]) end
  return {
    key = key, kind = number(0), window = number(1), length = number(2), amount = number(3),
    slot = number(4), slots = number(5), full_q = number(6), full_r = number(7),
    unit_q = number(8), unit_r = number(9), need_q = number(10), need_r = number(11),
    cost_q = number(12), cost_r = number(13),
  }
end
local NUMBERS = 14

local function leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

-- Days of the month before this day since 1970, and days of the month.
local function in_month(day)
  local doe = (day + 719468) % 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local month = floor((5 * doy + 2) / 153)
  local length = 31
  if month == 11 then
    length = leap(yoe + 1) and 29 or 28
  elseif month == 1 or month == 3 or month == 6 or month == 8 then
    length = 30
  end
  return doy - floor((153 * month + 2) / 5), length
end

-- Beginning and end of the window that is now.
local function window(l)
  if l.window == MS then
    local start = ms - ms % l.length
    return start, start + l.length
  end
  local day = floor(ms / DAY_MS)
  local into, length = 0, 1
  if l.window == WEEK then
    into, length = (day + 3) % 7, 7
  elseif l.window ~= DAY then
    into, length = in_month(day)
  end
  return (day - into) * DAY_MS, (day - into + length) * DAY_MS
end

-- Bucket times are whole microseconds and a remainder in 1/amount of one.
local function add(amount, q, r, dq, dr)
  q, r = q + dq, r + dr
  if r >= amount then return q + 1, r - amount end
  return q, r
end

local function less(q, r, oq, orr)
  return q < oq or (q == oq and r < orr)
end

local function times(l, n)
  local r = n * l.unit_r
  return n * l.unit_q + floor(r / l.amount), r % l.amount
end
