-- Takes a cost from every limit, or from none.
-- ARGV: mode (0 take, 1 charge), need, cost, share, microseconds that a
-- bucket's share lives; then the numbers of each limit.
-- Answers: granted, how much more than the cost was taken, microseconds that it
-- may be used; then for each limit remaining (of a bucket as time, with the
-- rest), reset, retry, and its window.
local charge = ARGV[1] == '1'
local need, cost = tonumber(ARGV[2]), tonumber(ARGV[3])
local share, live_us = tonumber(ARGV[4]), tonumber(ARGV[5])
local limits = {}

-- What may still be taken of a bucket, as time: its depth less what is owed.
local function free(l)
  l.free_q, l.free_r = us + l.full_q - l.q, l.full_r - l.r
  if l.free_r < 0 then l.free_q, l.free_r = l.free_q - 1, l.free_r + l.amount end
end

local ready = {
  [SLIDING] = function(l)
    l.present = floor(ms / l.slot)
    l.state, l.taken = {}, 0
    local raw = load(l.key)
    for i = 1, #raw, 2 do
      -- What lies more than a window ahead is of a clock that was wrong.
      local counts = raw[i] + l.slots >= l.present and raw[i] <= l.present + l.slots + 1
      if counts and raw[i + 1] > 0 then
        table.insert(l.state, raw[i])
        table.insert(l.state, raw[i + 1])
        l.taken = l.taken + raw[i + 1]
      end
    end
    l.left = max(l.amount - l.taken, 0)
    l.ends_us = 0
  end,
  [FIXED] = function(l)
    local start, stop = window(l)
    local raw = load(l.key)
    -- A clock that is set back a little goes on with the window that had begun.
    if raw[1] and raw[1] > start and raw[1] <= stop then
      start, stop = raw[1], raw[2]
    end
    l.taken = raw[1] == start and raw[3] or 0
    l.state = { start, stop, l.taken }
    l.left = max(l.amount - l.taken, 0)
  end,
  [BUCKET] = function(l)
    local raw = load(l.key)
    l.q, l.r = us, 0
    if raw[1] and raw[1] >= us then
      l.q, l.r = raw[1], raw[2]
      if raw[3] ~= l.amount then
        -- What is owed stays as many tokens.
        l.q, l.r = us + min(math.ceil((raw[1] - us + 1) * raw[3] / l.amount), YEAR_US), 0
      end
    end
    free(l)
    l.left = 0
    if l.free_q >= 0 then
      l.left = floor((l.free_q * l.amount + l.free_r) / (l.length * 1000))
    end
  end,
}

local function enough(l)
  if l.kind == BUCKET then
    return l.free_q >= 0 and not less(l.free_q, l.free_r, l.need_q, l.need_r)
  end
  return l.left >= need
end

-- Whether a bucket can give the share as if all of it were taken at its end.
local function shares(l, n)
  local q, r = l.q, l.r
  if q < us + live_us then q, r = us + live_us, 0 end
  q, r = add(l.amount, q, r, l.cost_q, l.cost_r)
  q, r = add(l.amount, q, r, times(l, n))
  local full_q, full_r = add(l.amount, us, 0, l.full_q, l.full_r)
  return not less(full_q, full_r, q, r)
end

local put = {
  [SLIDING] = function(l, n)
    local last = #l.state
    if last > 0 and l.state[last - 1] >= l.present then
      l.state[last] = min(l.state[last] + n, MOST)
    else
      table.insert(l.state, l.present)
      table.insert(l.state, n)
    end
    save(l.key, l.state, (l.state[#l.state - 1] + l.slots + 1) * l.slot - ms)
  end,
  [FIXED] = function(l, n)
    l.state[3] = min(l.state[3] + n, MOST)
    save(l.key, l.state, l.state[2] - ms)
  end,
  [BUCKET] = function(l, n, extra)
    if extra > 0 and l.q < us + live_us then l.q, l.r = us + live_us, 0 end
    l.q, l.r = add(l.amount, l.q, l.r, l.cost_q, l.cost_r)
    if extra > 0 then l.q, l.r = add(l.amount, l.q, l.r, times(l, extra)) end
    if l.q > us + YEAR_US then l.q, l.r = us + YEAR_US, 0 end
    save(l.key, { l.q, l.r, l.amount }, floor((l.q - us) / 1000) + 2)
    free(l)
  end,
}

-- Milliseconds until the limit is whole, and until what it refused fits. Who
-- asks, with nothing taken, is told how it is with one that is taken now.
local asks = false
local when = {
  [SLIDING] = function(l)
    local function gone(slot) return max((slot + l.slots + 1) * l.slot - ms, 0) end
    local last = #l.state
    local reset, retry = last > 0 and gone(l.state[last - 1]) or 0, 0
    if asks then reset = max(reset, gone(l.present)) end
    local left = l.taken
    for i = 1, last, 2 do
      left = left - l.state[i + 1]
      if left + need <= l.amount then
        retry = gone(l.state[i])
        break
      end
    end
    return reset, retry
  end,
  [FIXED] = function(l)
    local reset = (asks or l.state[3] > 0) and l.state[2] - ms or 0
    return reset, reset
  end,
  [BUCKET] = function(l)
    local function until_ms(q, r)
      if r > 0 then q = q + 1 end
      return max(math.ceil((q - us) / 1000), 0)
    end
    local q, r = add(l.amount, l.q, l.r, l.need_q, l.need_r)
    q, r = q - l.full_q, r - l.full_r
    if r < 0 then q, r = q - 1, r + l.amount end
    local whole_q, whole_r = l.q, l.r
    if asks then whole_q, whole_r = add(l.amount, l.q, l.r, l.need_q, l.need_r) end
    return until_ms(whole_q, whole_r), until_ms(q, r)
  end,
}

local granted = true
for i, key in ipairs(KEYS) do
  local l = limit(key, 6 + (i - 1) * NUMBERS)
  limits[i] = l
  ready[l.kind](l)
  l.refused = not charge and not enough(l)
  if l.refused then granted = false end
end
asks = granted and not charge and cost == 0

local extra, uses_us = 0, 0
if granted and share > 0 then
  extra, uses_us = share, YEAR_US
  for _, l in ipairs(limits) do
    -- A fair part: the nearer the limit, the smaller, so that nothing is stranded.
    extra = min(extra, max(floor((l.left - cost) / 8), 0))
    if l.kind == SLIDING then
      uses_us = min(uses_us, (l.present + 1) * l.slot * 1000 - us)
    elseif l.kind == FIXED then
      uses_us = min(uses_us, l.state[2] * 1000 - us)
    else
      uses_us = min(uses_us, live_us)
    end
  end
  for _, l in ipairs(limits) do
    if l.kind == BUCKET and extra > 0 and not shares(l, extra) then extra = 0 end
  end
end

local answer = { granted and 1 or 0, extra, uses_us }
for _, l in ipairs(limits) do
  if granted and cost + extra > 0 then
    put[l.kind](l, cost + extra, extra)
    l.left = max(l.left - cost - extra, 0)
  end
  local reset, retry = when[l.kind](l)
  local mark = us + live_us
  if l.kind == SLIDING then mark = l.state[#l.state - 1] or 0 end
  if l.kind == FIXED then mark = l.state[1] end
  local left, rest = l.left, 0
  if l.kind == BUCKET then
    left, rest = max(l.free_q, 0), l.free_q < 0 and 0 or l.free_r
  end
  for _, n in ipairs({ left, rest, reset, l.refused and retry or 0, mark }) do
    table.insert(answer, n)
  end
end
return answer
