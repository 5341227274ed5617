/** The contract from end to end with all four processes on Deno: the same files, the same answers. */
import { flow } from "./flow.suite.ts"
import { REDIS_KINDS } from "./testing/stack.ts"

flow("the flow on Deno", { redis: REDIS_KINDS[0], runtime: "deno" })
