import { DRAINING } from "./prelude.ts"

/** KEYS workers, holds. ARGV worker. A worker that stops is not waited for. */
export const leave = `${DRAINING}
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
`
