/**
 * A route: a method and a path, as the contract names its calls. What follows from the routes of a
 * service: the header Allow of a path, and the path under which a request is counted.
 */
export const METHODS = ["GET", "POST", "DELETE"] as const

/** A path may have a `:parameter`, which is one segment. GET answers HEAD too. */
export type Route = `${(typeof METHODS)[number]} /${string}`

/** Routes, each with its call or whatever there is of it. */
export type Routes = Readonly<Record<Route, unknown>>

const pathOf = (route: string) => route.slice(route.indexOf("/"))

const methodsOf = (route: string) =>
  route.startsWith("GET ") ? ["GET", "HEAD"] : route.split(" /", 1)

const isAt = (pattern: string, path: string): boolean => {
  const steps = path.split("/")
  const wanted = pattern.split("/")
  const isStep = (step: string, index: number) =>
    step.startsWith(":") ? steps[index] !== "" : step === steps[index]
  return steps.length === wanted.length && wanted.every(isStep)
}

/** The routes that a path has. */
export const routesAt = <R extends Route>(routes: Readonly<Record<R, unknown>>, path: string) =>
  (Object.keys(routes) as R[]).filter((route) => isAt(pathOf(route), path))

/** The methods that a path has; none when it is no path of these routes. */
export const methodsAt = (routes: Routes, path: string): ReadonlyArray<string> =>
  routesAt(routes, path).flatMap(methodsOf)

/**
 * For each request: the path of its route, or the one whose part before the parameter it begins with.
 * Undefined when there is none.
 */
export const makePatternOf = (routes: Routes) => {
  const paths = Object.keys(routes).map(pathOf)
  const exact = new Set(paths.filter((path) => !path.includes(":")))
  const open = paths
    .filter((path) => path.includes(":"))
    .map((path) => [path.slice(0, path.indexOf(":")), path] as const)
  return (path: string): string | undefined =>
    exact.has(path) ? path : open.find(([prefix]) => path.startsWith(prefix))?.[1]
}
