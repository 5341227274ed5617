/**
 * GET /stats and GET /health: how much waits, how fast it goes, and whether all is well; GET / and
 * GET /events show the same to people. All answer in less than two seconds whatever the stores do, and
 * the queue's figures do not need the database.
 */
import { Hono } from "hono"
import { answer, handleTheRest, problem } from "../../shared/http/answer.ts"
import type { Events } from "./events.ts"
import { type HealthDependencies, makeExamine } from "./health.ts"
import {
  addOperations,
  OPERATIONS_PATHS,
  type OperationsDependencies,
} from "./operations/routes.ts"
import { addPage, PAGE_PATHS } from "./page.ts"

export interface Dependencies extends HealthDependencies {
  readonly events: Pick<Events, "watch">
  readonly operations: OperationsDependencies
}

const RETRY_SECONDS = 1

const PATHS: ReadonlyMap<string, string> = new Map([
  ["/stats", "GET, HEAD"],
  ["/health", "GET, HEAD"],
  ["/events", "GET, HEAD"],
  ...PAGE_PATHS,
  ...OPERATIONS_PATHS,
])

export const makeApp = ({ events, operations, ...dependencies }: Dependencies): Hono => {
  const { count, report } = dependencies
  const examine = makeExamine(dependencies)
  const app = new Hono()

  app.get("/stats", async () => {
    try {
      return answer(200, (await count()).stats)
    } catch (error) {
      report(error)
      return problem("statistics-unavailable", { retryAfterSeconds: RETRY_SECONDS })
    }
  })

  app.get("/health", async () => {
    const { health } = await examine()
    return answer(health.status === "unhealthy" ? 503 : 200, health)
  })

  app.get("/events", ({ req }) => events.watch(req.raw))

  addPage(app)
  addOperations(app, operations)
  handleTheRest(app, (path) => PATHS.get(path), report)
  return app
}
