import { DRAINING } from "./prelude.ts"

/**
 * KEYS counters. ARGV the identity of the database to which the queue belongs from now on; '' to ask.
 * RETURNS the identity of the one to which it belongs, '' before the first seed.
 * A worker of the new one seeds the versions anew: they must be above those in its table.
 */
export const own = `${DRAINING}
local owner = redis.call('HGET', KEYS[1], 'database') or ''
if ARGV[1] == '' or ARGV[1] == owner then return owner end
redis.call('HSET', KEYS[1], 'database', ARGV[1])
redis.call('HDEL', KEYS[1], 'seeded')
return ARGV[1]
`
