/** Makes the table as users do it: by `npm run migrate`. */
import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"

export const migrate = async (DATABASE_URL: string): Promise<void> => {
  const env = { ...process.env, DATABASE_URL }
  await promisify(execFile)(process.execPath, ["scripts/migrate.ts"], { env })
}
