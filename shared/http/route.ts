/**
 * A route: a method and a path, as the contract names its calls. What follows from the routes of a
 * service: the header Allow of a path, and the path under which a request is counted.
 */
export const METHODS = ["GET", "POST", "DELETE"] as const

/** A path may have parameters, `:table` or `:key`, each of which is one segment. GET answers HEAD too. */
export type Route = `${(typeof METHODS)[number]} /${string}`

/** Routes, each with its call or whatever there is of it. */
export type Routes = Readonly<Record<Route, unknown>>

const pathOf = (route: string) => route.slice(route.indexOf("/"))

const methodsOf = (route: string) =>
  route.startsWith("GET ") ? ["GET", "HEAD"] : route.split(" /", 1)

/** Whether a path is one of the pattern: none of its parameters is empty. */
export const isAt = (pattern: string, path: string): boolean => {
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

const slashesOf = (path: string): number => {
  let slashes = 0
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) slashes += 1
  return slashes
}

/**
 * For each request the path of its route. Of those that begin alike, the one of as many segments, and of
 * them the one with this method; one that is refused counts for what it comes nearest to. Undefined when
 * it begins like none.
 */
export const makePatternOf = (routes: Routes) => {
  const all = Object.keys(routes).map((route) => ({ route, path: pathOf(route) }))
  const exact = new Set(all.map(({ path }) => path).filter((path) => !path.includes(":")))
  const open = all
    .filter(({ path }) => path.includes(":"))
    .map(({ route, path }) => ({
      path,
      begin: path.slice(0, path.indexOf(":")),
      slashes: slashesOf(path),
      methods: methodsOf(route),
    }))
  return (method: string, path: string): string | undefined => {
    if (exact.has(path)) return path
    const slashes = slashesOf(path)
    let nearest: string | undefined
    let most = 0
    for (const one of open) {
      if (!path.startsWith(one.begin)) continue
      const likeness =
        1 + (one.slashes === slashes ? 2 : 0) + (one.methods.includes(method) ? 1 : 0)
      if (likeness > most) nearest = one.path
      most = Math.max(most, likeness)
    }
    return nearest
  }
}
