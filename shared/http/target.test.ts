import { expect, test } from "vitest"
import { targetOf } from "./target.ts"

const HOST = "http://localhost"
const parametersOf = (pattern: string, path: string) => targetOf(pattern, HOST + path)?.parameters

test.each([
  ["/read/:key", "/read/a", ["a"]],
  ["/read/:key", "/read/a%2Fb?c=d#e", ["a/b"]],
  ["/read/:key", "/read/a+b", ["a+b"]],
  ["/read/:key", "/read/%ff", [null]],
  ["/read/:key", "/read/100%", [null]],
  ["/read/:table/:key", "/read/events/%ED%A0%80", ["events", null]],
  ["/read", "/read?key=a", []],
])("of %s, %s names %j", (pattern, path, parameters) => {
  expect(parametersOf(pattern, path)).toEqual(parameters)
})

test.each([
  ["/read/:key", "/read/.."],
  ["/read/:key", "/read/%2e"],
  ["/read/:key", "/read/..\\x\\y"],
  ["/read/:key", "/read/a\\b"],
  ["/read/:table/:key", "/read/../a"],
  ["/read/:table/:key", "/read/./a"],
  ["/read/:table/:key", "/read/events/%2E%2e"],
])("of %s, %s is another path once its dots are resolved", (pattern, path) => {
  expect(targetOf(pattern, HOST + path)).toBeNull()
})

test.each([
  ["", []],
  ["?", []],
  ["?other=a", []],
  ["?key", [""]],
  ["?key=", [""]],
  ["?key=b&key=a&key=b", ["b", "a", "b"]],
  ["?key=a=b&&=&c", ["a=b"]],
  ["?key=a+b&key=a%2Bb", ["a b", "a+b"]],
  ["?%6bey=a", ["a"]],
  ["?%ff=a&key=%ff&key=%", [null, null]],
])("of a query %s, the keys are %j", (query, keys) => {
  expect(targetOf("/read", `${HOST}/read${query}`)?.valuesOf("key")).toEqual(keys)
})
