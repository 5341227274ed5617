/** The bad inputs on Deno, whose own server answers some of them in its way. */
import { input } from "./input.suite.ts"

input("deno")
