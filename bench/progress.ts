/**
 * How far a run is: a bar with the time that remains on a terminal, a line for each step elsewhere. The
 * estimates of the steps are corrected by how long the steps so far have taken.
 */

const DRAW_MILLIS = 250
const BAR_WIDTH = 24

/** As long as the terminal is wide, so that a redraw covers what it replaces. */
const FALLBACK_COLUMNS = 80

export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`
}

export class Progress {
  private readonly output: Output
  private readonly totalSeconds: number
  private readonly now: () => number
  private readonly begin: number
  private timer: NodeJS.Timeout | null = null
  private doneSeconds = 0
  private current = { title: "", seconds: 0, begin: 0 }

  /** `totalSeconds` is the sum of what the steps are expected to take. */
  constructor(output: Output, totalSeconds: number, now = () => performance.now() / 1_000) {
    this.output = output
    this.totalSeconds = totalSeconds
    this.now = now
    this.begin = now()
    this.current.begin = this.begin
    if (output.isTTY) this.timer = setInterval(() => this.draw(), DRAW_MILLIS)
    this.timer?.unref()
  }

  /** The step before ends, this one begins. */
  step(title: string, seconds: number): void {
    this.doneSeconds += this.current.seconds
    this.current = { title, seconds, begin: this.now() }
    if (this.output.isTTY) this.draw()
    else this.output.write(`${this.share()} ${title}\n`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.timer) clearInterval(this.timer)
    this.timer = null
    if (this.output.isTTY) this.output.write("\r\x1b[K")
  }

  /** Seconds until the end, as it looks now. */
  remaining(): number {
    const elapsed = this.current.begin - this.begin
    const pace = this.doneSeconds > 0 ? elapsed / this.doneSeconds : 1
    const left = (this.totalSeconds - this.doneSeconds) * pace
    return Math.max(0, left - (this.now() - this.current.begin))
  }

  private share(): string {
    const share = Math.min(1, this.doneSeconds / this.totalSeconds)
    return `${String(Math.floor(share * 100)).padStart(3)}% ${clock(this.remaining())} left`
  }

  private draw(): void {
    const within = Math.min(this.current.seconds, this.now() - this.current.begin)
    const share = Math.min(1, (this.doneSeconds + within) / this.totalSeconds)
    const full = Math.round(share * BAR_WIDTH)
    const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full)
    const percent = String(Math.floor(share * 100)).padStart(3)
    const line = `${bar} ${percent}% ${clock(this.remaining())} left  ${this.current.title}`
    const columns = this.output.columns ?? FALLBACK_COLUMNS
    this.output.write(`\r\x1b[K${line.slice(0, columns - 1)}`)
  }
}
