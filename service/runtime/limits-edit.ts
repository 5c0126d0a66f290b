import { createHash } from 'node:crypto'
import { EdgeError } from '#contract/errors.ts'
import type { CommandName } from '#contract/point-map.ts'
import type {
  LimitChange,
  LimitsChangeRequest,
  LimitsPreview,
  LimitsPreviewRequest,
  SiteLimits,
} from '#contract/site-limits.ts'
import { type Site, site as siteSchema } from '#contract/site.ts'
import type { GridState } from '../control/state.ts'
import { step } from '../control/step.ts'
import type { Decision, StepInput, StepResult } from '../control/types.ts'
import { changeProblem, editSiteLimits, looserChanges, siteLimits } from '../domain/site-limits.ts'
import { compileSite, type SiteModel } from '../domain/site-model.ts'
import { checkedYaml } from './checked-yaml.ts'
import type { SiteText } from './site-text.ts'

/** Changes single limits of the site while it runs: the effect can be seen before, and nothing else of the file is touched. */
export interface LimitsEdit {
  limits(): SiteLimits
  /** Rejects with limits.changed, limits.invalid or config.invalid. */
  preview(request: LimitsPreviewRequest): LimitsPreview
  /** Resolves once the change is in the journal and in the file, and holds from the next cycle on. */
  change(request: LimitsChangeRequest, principal: string): Promise<SiteLimits>
  /** Remembers what the newest step of a grid has seen. */
  observe(gridId: string, input: StepInput, result: StepResult<GridState>): void
}

interface Seen {
  readonly input: StepInput
  readonly result: StepResult<GridState>
}

export function createLimitsEdit(options: {
  siteText: SiteText
  commands: ReadonlyMap<string, ReadonlySet<CommandName>>
  unitOf(deviceId: string, command: string): string
  journalDurable(record: {
    kind: 'configuration'
    principal: string
    detail: string
    data: Readonly<Record<string, string>>
  }): Promise<unknown>
  /** Takes the changed site into use. */
  use(site: Site, model: SiteModel): void
}): LimitsEdit {
  const { siteText, commands, unitOf, journalDurable, use } = options
  const { kept } = siteText
  const seen = new Map<string, Seen>()
  let parsed: { readonly text: string; readonly site: Site } | undefined

  const revision = (): string => createHash('sha256').update(siteText.text()).digest('hex').slice(0, 32)

  function siteNow(): Site {
    const text = siteText.text()
    if (parsed?.text !== text) parsed = { text, site: checkedYaml(siteSchema, text, siteText.file, 'limits.invalid') }
    return parsed.site
  }

  /** The site with the changes, checked as a whole. */
  function changed(request: LimitsPreviewRequest): { text: string; site: Site; model: SiteModel } {
    if (request.revision !== revision())
      throw new EdgeError('limits.changed', 'the limits were changed by somebody else meanwhile')
    const present = siteLimits(siteNow())
    for (const change of request.changes) {
      const problem = changeProblem(present, change)
      if (problem !== undefined) throw new EdgeError('limits.invalid', problem)
    }
    const text = editSiteLimits(siteText.text(), request.changes)
    const site = checkedYaml(siteSchema, text, siteText.file, 'limits.invalid')
    return { text, site, model: compileSite(site, commands) }
  }

  function preview(request: LimitsPreviewRequest): LimitsPreview {
    const { model } = changed(request)
    const looser = looserChanges(siteLimits(siteNow()), request.changes)
    const results = [...seen].map(([gridId, { input, result }]) => ({
      before: result.decisions,
      after: step(model, gridId, result.state, input),
    }))
    return {
      looser,
      limits: results.flatMap(({ after }) => after.limits),
      setpoints: results.flatMap(({ before, after }) => compareDecisions(before, after.decisions, unitOf)),
      violations: results.flatMap(({ after }) => after.violations.map(({ limitId, text }) => ({ limitId, text }))),
    }
  }

  async function change(request: LimitsChangeRequest, principal: string): Promise<SiteLimits> {
    await siteText.unedited()
    const next = changed(request)
    const present = siteLimits(siteNow())
    const unconfirmed = looserChanges(present, request.changes).filter((id) => !request.confirmedLooser.includes(id))
    if (unconfirmed.length > 0)
      throw new EdgeError(
        'limits.unconfirmed',
        `these allow more than before and are not confirmed: ${unconfirmed.join(', ')}`,
      )
    await journalDurable({
      kind: 'configuration',
      principal,
      detail: `limits: ${request.reason}`,
      data: Object.fromEntries(request.changes.map((each) => [each.id, describe(present, each)])),
    })
    await siteText.save(next.text, principal, request.reason)
    use(next.site, next.model)
    return limits()
  }

  const limits = (): SiteLimits => ({ revision: revision(), kept, limits: siteLimits(siteNow()) })

  return {
    limits,
    preview,
    change,
    observe: (gridId, input, result) => void seen.set(gridId, { input, result }),
  }
}

function describe(present: SiteLimits['limits'], { id, value }: LimitChange): string {
  const limit = present.find((candidate) => candidate.id === id)
  const shown = (number: number | null | undefined): string =>
    number === undefined || number === null ? 'no limit' : `${number} ${limit?.unit ?? ''}`
  return `${shown(limit?.value)} becomes ${shown(value)}`
}

function compareDecisions(
  before: readonly Decision[],
  after: readonly Decision[],
  unitOf: (deviceId: string, command: string) => string,
): LimitsPreview['setpoints'] {
  const keyOf = ({ setpoint }: Decision): string => `${setpoint.deviceId}/${setpoint.command}`
  const was = new Map(before.map((decision) => [keyOf(decision), decision]))
  const is = new Map(after.map((decision) => [keyOf(decision), decision]))
  return [...new Set([...was.keys(), ...is.keys()])].toSorted().flatMap((key) => {
    const decision = is.get(key) ?? was.get(key)
    if (!decision) return []
    const { deviceId, command } = decision.setpoint
    return [
      {
        deviceId,
        command,
        unit: unitOf(deviceId, command),
        ...(was.has(key) && { before: was.get(key)!.setpoint.value }),
        ...(is.has(key) && { after: is.get(key)!.setpoint.value }),
        reasons: [...decision.reasons],
      },
    ]
  })
}
