/** The contract from end to end with all four processes on Deno: the same files, the same answers. */
import { REDIS_KINDS } from "../testing/redis.ts"
import { flow } from "./flow.suite.ts"

flow("the flow on Deno", { redis: REDIS_KINDS[0], runtime: "deno" })
