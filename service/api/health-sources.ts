import type { CounterRequest, LinesHealth, UnitCounters } from '#contract/health.ts'

/** How the buses of the site answer, as the API asks for it. */
export interface HealthSources {
  read(): LinesHealth
  /** Rejects with bus.unknown; what happens in the field is part of the answer. */
  counters(request: CounterRequest): Promise<UnitCounters>
}
