/**
 * GET /stats and GET /health: how much waits, how fast it goes, and whether all is well; GET / and
 * GET /events show the same to people. All answer in less than two seconds whatever the stores do, and
 * the queue's figures do not need the database.
 */
import { Hono } from "hono"
import { CONTRACT, type StatsService } from "../../shared/contract.ts"
import { answer, handleTheRest, problem } from "../../shared/http/answer.ts"
import { openapi } from "../../shared/http/openapi.ts"
import type { Events } from "./events.ts"
import { type HealthDependencies, makeExamine } from "./health.ts"
import { addOperations, type OperationsDependencies } from "./operations/routes.ts"
import { addPage, PAGE_CALLS } from "./page.ts"

export interface Dependencies extends HealthDependencies {
  readonly events: Pick<Events, "watch">
  readonly operations: OperationsDependencies
}

const RETRY_SECONDS = 1

export const CALLS = { ...CONTRACT.stats, ...PAGE_CALLS }

export const makeApp = ({ events, operations, ...dependencies }: Dependencies): Hono => {
  const { count, report } = dependencies
  const examine = makeExamine(dependencies)
  const app = new Hono()

  app.get("/stats", async () => {
    try {
      return answer<StatsService["GET /stats"]>(200, (await count()).stats)
    } catch (error) {
      report(error)
      return problem("statistics-unavailable", { retryAfterSeconds: RETRY_SECONDS })
    }
  })

  app.get("/health", async () => {
    const { health } = await examine()
    return answer<StatsService["GET /health"]>(health.status === "unhealthy" ? 503 : 200, health)
  })

  app.get("/events", ({ req }) => events.watch(req.raw))

  app.get("/openapi.json", openapi("stats"))

  addPage(app)
  addOperations(app, operations, report)
  handleTheRest(app, CALLS, report)
  return app
}
