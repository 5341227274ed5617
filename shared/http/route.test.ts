import { expect, test } from "vitest"
import { makePatternOf, methodsAt, routesAt } from "./route.ts"

const ROUTES = {
  "POST /write": null,
  "POST /write/:table": null,
  "DELETE /write/:key": null,
  "DELETE /write/:table/:key": null,
  "GET /read": null,
  "GET /read/:key": null,
  "GET /read/:table/:key": null,
  "GET /health": null,
}

const patternOf = makePatternOf(ROUTES)

test.each([
  ["POST", "/write", "/write"],
  ["POST", "/write/events", "/write/:table"],
  ["DELETE", "/write/events", "/write/:key"],
  ["DELETE", "/write/events/a%2Fb", "/write/:table/:key"],
  ["GET", "/read", "/read"],
  ["GET", "/read/a", "/read/:key"],
  ["HEAD", "/read/a", "/read/:key"],
  ["GET", "/read/events/1", "/read/:table/:key"],
  // Refused: by what it comes nearest to.
  ["DELETE", "/write", "/write"],
  ["POST", "/write/a/b", "/write/:table/:key"],
  ["PUT", "/read/a/b", "/read/:table/:key"],
  ["GET", "/read/a/b/c", "/read/:key"],
  ["DELETE", "/write/a/b/c", "/write/:key"],
  ["GET", "/read/", "/read/:key"],
])("%s %s is counted for %s", (method, path, pattern) => {
  expect(patternOf(method, path)).toBe(pattern)
})

test.each(["/", "/writes", "/reading/a", "/health/a", "//read/a"])("%s is no path", (path) => {
  expect(patternOf("GET", path)).toBeUndefined()
})

test.each([
  ["/write", ["POST"]],
  ["/write/a", ["POST", "DELETE"]],
  ["/write/a/b", ["DELETE"]],
  ["/read", ["GET", "HEAD"]],
  ["/read/a/b", ["GET", "HEAD"]],
  ["/read/a/", []],
  ["/read//a", []],
  ["/read/a/b/c", []],
])("%s has the methods %j", (path, methods) => {
  expect(methodsAt(ROUTES, path)).toEqual(methods)
})

test("a path has a route for each of its methods", () => {
  expect(routesAt(ROUTES, "/write/a")).toEqual(["POST /write/:table", "DELETE /write/:key"])
})
