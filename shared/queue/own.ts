import { script, text } from "./script.ts"

/**
 * Gives the queue to the database of this identity; '' only asks. Replies with the identity of the one to
 * which it belongs then, '' before the first seed.
 * A worker of the new one seeds the versions anew: they must be above those in its table.
 */
export const own = script({
  mode: "drains",
  keys: ["counters"],
  args: { database: text },
  reply: (owner: string) => owner,
  lua: `
local owner = redis.call('HGET', counters, 'database') or ''
if database == '' or database == owner then return owner end
redis.call('HSET', counters, 'database', database)
redis.call('HDEL', counters, 'seeded')
return database
`,
})
