/** The bad inputs on Node; `input-deno.integration.test.ts` has the same on Deno. */
import { input } from "./input.suite.ts"

input("node")
