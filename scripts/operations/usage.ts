/** How `npm run queue` is used, and the error of a wrong use. */

export const USAGE = `npm run queue -- <command> [--json]
  depth                      how much waits, is in flight, and has died; whether it is paused or held,
                             and what else is not well
  peek     [--limit N]       the oldest writes that wait, and after them those that are set aside
  dead     [--limit N] [--after N] [FILTER]    the dead letters, oldest first
  reasons  [FILTER]          how many died for each reason
  replay   VERSION… | --all [FILTER] [--confirm N]   dead letters back to the queue
  discard  VERSION… | --all [FILTER] [--confirm N]   dead letters thrown away
  purge    --confirm DEPTH   the oldest waiting writes thrown away, and no more than DEPTH: those that are
                             set aside after the others
  pause | resume             claiming, on every worker
  adopt                      gives the queue to the database of the stats service: after a move, or when
                             two stacks met on one Redis, workers of any other database hold
  shards   [N]               how much each shard holds; with N, changes to so many while writes flow

FILTER is --reason TEXT (exactly this one), --key TEXT (part of the key), --table NAME (exactly this
one), or several of them. A TEXT that begins with a dash is written behind an equals sign: --key=-x
--all takes the dead letters that there are now, and asks; where nobody can answer, --confirm N says
how many of them, the oldest ones, are meant.

ADMIN_TOKEN  that of the stats service; every command but depth and shards without N needs it
STATS_URL    where the service is; without it http://localhost:STATS_PORT (8008)`

/** What is wrong with the command line. */
export class UsageError extends Error {}
