/** The outage chart: who is answered while PostgreSQL is away, and what waits meanwhile. */
import type { Results } from "../result.ts"
import { drawBand, drawLine, frame } from "./chart.ts"
import { plain } from "./format.ts"
import { type Chart, compact, HEIGHT, X, yOf } from "./plot.ts"
import { exact, linear } from "./scale.ts"

const LOW_HEIGHT = 170

export const outageChart = ({ outage }: Results): Chart | null => {
  const [round] = outage
  if (round === undefined) return null
  const { samples, downAt, upAt } = round
  const x = exact([0, samples.at(-1)?.at ?? 1], X)
  const rate = (side: "sync" | "async") =>
    samples.map((sample, index) => {
      const since = sample.at - (samples[index - 1]?.at ?? 0)
      return [sample.at, sample[side].accepted / since] as const
    })
  const sync = rate("sync")
  const async = rate("async")
  const successes = linear(
    [0, Math.max(1, ...[...sync, ...async].map(([, value]) => value))],
    yOf(HEIGHT),
  )
  const depth = linear([0, Math.max(1, round.deepest)], yOf(LOW_HEIGHT), 3)
  const depths = samples.map((sample) => [sample.at, sample.depth] as const)
  const text = { xText: (value: number) => `${value} s`, yText: compact }
  const top = {
    height: HEIGHT,
    label: "Successes per second in an outage",
    x,
    y: successes,
    ...text,
  }
  const low = { height: LOW_HEIGHT, label: "Writes that wait in an outage", x, y: depth, ...text }
  return {
    title: "PostgreSQL away for five seconds",
    words: `Above: requests that succeed each second. Below: writes that wait in Redis. ${round.how}.`,
    legend: (["sync", "async"] as const).map((name) => ({
      series: name,
      text: `${name}: ${plain(round[name].accepted)} of ${plain(round[name].due)} succeed, ${round[name].missing} lost`,
    })),
    svg: [
      frame(
        top,
        drawBand(downAt, upAt, x, HEIGHT, "PostgreSQL is away") +
          drawLine({ series: "sync", points: sync }, { x, y: successes }) +
          drawLine({ series: "async", points: async }, { x, y: successes }),
      ),
      frame(
        low,
        drawBand(downAt, upAt, x, LOW_HEIGHT, "") +
          drawLine({ series: "async", points: depths, isFilled: true }, { x, y: depth }),
      ),
    ],
  }
}
