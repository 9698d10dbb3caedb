-- Counts one request against each quota, or against none if it is over one of them.
-- GCRA as a leaky bucket: the level rises by 1 with each request and falls by `requests` in each `period`.
-- KEYS: one for each quota. ARGV: requests, period in microseconds and burst, for each quota.
-- Returns the place of the exceeded quota, or -1, and the wait in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local levels, exceeded, longest = {}, -1, 0
for i, key in ipairs(KEYS) do
  local requests, period, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local level = 0
  local old, at = string.match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
  if old then
    -- The clock of a server that took over may be behind.
    local passed = math.max(0, now - tonumber(at))
    level = math.max(0, tonumber(old) - passed * requests / period)
  end
  local excess = level + 1 - burst
  -- The tolerance is for fractions that were rounded.
  if excess > 0.000001 then
    local wait = math.ceil(excess * period / requests)
    if wait > longest then
      exceeded, longest = i - 1, wait
    end
  end
  levels[i] = { level + 1, math.ceil((level + 1) * period / requests / 1000) }
end
if exceeded < 0 then
  for i, key in ipairs(KEYS) do
    -- A bucket that has run empty is as good as none.
    redis.call('SET', key, string.format('%.9f %.0f', levels[i][1], now), 'PX', levels[i][2])
  end
end
return { exceeded, longest }
