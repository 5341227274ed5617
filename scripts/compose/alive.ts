/**
 * The health check of a worker, which serves no HTTP: exits with 0 when a worker has sent a heartbeat
 * to Redis within its lease. It has the worker's own password and network.
 */
import { readFile } from "node:fs/promises"
import process from "node:process"
import { closeQueue, openQueue, queueKeys, untilReady } from "../../shared/queue.ts"

const url = await readFile(process.env.REDIS_URL_FILE ?? "", "utf8")
const redis = openQueue(url, { name: "alive" })
await untilReady(redis)
// Deadlines are in the time of Redis, which in one stack is the time of the same machine.
const live = await redis.zrangebyscore(queueKeys("write_queue").workers, Date.now(), "+inf")
closeQueue(redis)
process.exit(live.length > 0 ? 0 : 1)
