import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, dead, counters. ARGV pairs of a dead letter, letter by letter as it stands in the list,
 * and the item it was. RETURNS how many went back: a letter that is gone is nobody's to replay.
 * The item keeps its version, so that a replay never overwrites anything newer, and is the next to be
 * claimed. LREM finds a letter in the time of a scan; operators' calls are few.
 */
export const replay = `${DRAINING}
local waiting, dead, counters, back = KEYS[1], KEYS[2], KEYS[3], {}
for i = 1, #ARGV, 2 do
  if redis.call('LREM', dead, -1, ARGV[i]) == 1 then back[#back + 1] = ARGV[i + 1] end
end
push('RPUSH', waiting, back)
redis.call('HINCRBY', counters, 'failed', -#back)
return #back
`
