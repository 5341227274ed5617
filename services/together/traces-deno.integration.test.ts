/** Traces from end to end with all four processes on Deno. */
import { REDIS_KINDS } from "../testing/redis.ts"
import { traces } from "./traces.suite.ts"

traces("traces on Deno", { redis: REDIS_KINDS[0], runtime: "deno" })
