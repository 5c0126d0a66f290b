import type { BusHealth, LinesHealth } from '#contract/health.ts'
import { onBeforeUnmount, onMounted, ref, shallowRef } from 'vue'
import { explain, type Explanation } from '../../../client/explain.ts'
import { useService } from '../../../client/key.ts'
import { t } from '../../../i18n.ts'

const everyMs = 2000

/** What the service has counted of its buses, asked again and again while the component lives. */
export function useHealth() {
  const service = useService()
  const buses = shallowRef<readonly BusHealth[]>()
  const nowMs = ref(0)
  const problem = shallowRef<Explanation>()
  const gone = new AbortController()

  async function look(): Promise<void> {
    try {
      const told = await service.get<LinesHealth>('api/v1/workbench/health', {}, gone.signal)
      buses.value = told.buses
      nowMs.value = told.nowMs
      problem.value = undefined
    } catch (error) {
      if (!gone.signal.aborted) problem.value = explain(error, t('workbench.noAnswer'))
    }
  }
  async function loop(): Promise<void> {
    while (!gone.signal.aborted) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
  onMounted(() => void loop())
  onBeforeUnmount(() => gone.abort())
  return { buses, nowMs, problem, look }
}

type Counts = Pick<BusHealth, 'requests' | 'crcErrors' | 'garbled' | 'timeouts'>

/** Requests, and those of them without a right answer. */
export interface Score {
  readonly requests: number
  readonly failed: number
}

export const scoreOf = ({ requests, crcErrors, garbled, timeouts }: Counts): Score => ({
  requests,
  failed: crcErrors + garbled + timeouts,
})

export const between = (from: Score, to: Score): Score => ({
  requests: to.requests - from.requests,
  failed: to.failed - from.failed,
})

/** In percent; undefined without a request. */
export const failedPercent = ({ requests, failed }: Score): number | undefined =>
  requests > 0 ? (100 * failed) / requests : undefined

/** From this share of failed requests on a line is in trouble, and from `bad` on badly so. */
const worthAWord = 0.1
const badPercent = 5

export function statusOf(score: Score): 'good' | 'degraded' | 'fault' | 'unknown' {
  const percent = failedPercent(score)
  if (percent === undefined) return 'unknown'
  if (percent < worthAWord) return 'good'
  return percent < badPercent ? 'degraded' : 'fault'
}
