-- Gives back what a share held unused, where its window is still the same.
-- ARGV: how much; then for each limit its numbers and the mark of its window.
local n = tonumber(ARGV[1])

local give = {
  [SLIDING] = function(l, state)
    for i = 1, #state, 2 do
      if state[i] == l.mark then
        state[i + 1] = max(state[i + 1] - n, 0)
        return state
      end
    end
  end,
  [FIXED] = function(l, state)
    if state[1] == l.mark then
      state[3] = max(state[3] - n, 0)
      return state
    end
  end,
  [BUCKET] = function(l, state)
    -- Later the time owed has begun to drain, and is not the share's alone.
    if state[1] and us <= l.mark and state[3] == l.amount then
      local q, r = times(l, n)
      q, r = state[1] - q, state[2] - r
      if r < 0 then q, r = q - 1, r + l.amount end
      return { q, r, l.amount }
    end
  end,
}

for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * (NUMBERS + 1)
  local l = limit(key, at)
  l.mark = tonumber(ARGV[at + NUMBERS])
  local state = give[l.kind](l, load(key))
  if state then
    redis.call('SET', key, cmsgpack.pack(state), 'KEEPTTL')
  end
end
return 1
