/** The contract from end to end on Node, on each kind of Redis that this machine can run. */
import { REDIS_KINDS } from "../testing/redis.ts"
import { flow } from "./flow.suite.ts"

for (const redis of REDIS_KINDS) flow(`the flow on Node with a ${redis} Redis`, { redis })
