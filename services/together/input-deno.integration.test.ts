/** The bad and odd inputs on Deno, where they are answered as on Node. */
import { input } from "./input.suite.ts"

input("deno")
