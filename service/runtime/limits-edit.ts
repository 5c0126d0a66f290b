import { createHash } from 'node:crypto'
import { EdgeError } from '#contract/errors.ts'
import type {
  LimitChange,
  LimitsChangeRequest,
  LimitsPreview,
  LimitsPreviewRequest,
  SiteLimits,
} from '#contract/site-limits.ts'
import type { Site } from '#contract/site.ts'
import { editText } from '../configuration/edit.ts'
import { parseSite } from '../configuration/site-document.ts'
import type { GridState } from '../control/state.ts'
import { step } from '../control/step.ts'
import type { Decision, StepInput, StepResult } from '../control/types.ts'
import { changeProblem, looserChanges, siteLimits } from '../domain/site-limits.ts'
import type { SiteModel } from '../domain/site-model.ts'
import { problemsText } from '../domain/yaml-source.ts'
import type { SiteText } from '../deployment/site-text.ts'

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
  /** The site as it would act. */
  compile(site: Site): SiteModel
  unitOf(deviceId: string, command: string): string
  journalDurable(record: {
    kind: 'configuration'
    principal: string
    detail: string
    data: Readonly<Record<string, string>>
  }): Promise<unknown>
  /** Takes the changed site into use. */
  use(site: Site): void
}): LimitsEdit {
  const { siteText, compile, unitOf, journalDurable, use } = options
  const { kept, file } = siteText
  const seen = new Map<string, Seen>()
  let known: { readonly of: string; readonly site: Site; readonly text: string } | undefined
  const revision = (): string => createHash('sha256').update(siteText.text()).digest('hex').slice(0, 32)

  /** The text that runs, in the newest format: others change it as well. */
  function present(): NonNullable<typeof known> {
    const of = siteText.text()
    if (known?.of !== of) {
      const parsed = parseSite(of, file)
      if (parsed.problems) throw new EdgeError('limits.invalid', problemsText(parsed.problems))
      known = { of, site: parsed.site, text: parsed.text }
    }
    return known
  }

  /** The site with the changes, checked as a whole. */
  function changed(request: LimitsPreviewRequest): { text: string; site: Site; model: SiteModel } {
    if (request.revision !== revision())
      throw new EdgeError('limits.changed', 'the limits were changed by somebody else meanwhile')
    const { site, text: newest } = present()
    for (const change of request.changes) {
      const problem = changeProblem(siteLimits(site), change)
      if (problem !== undefined) throw new EdgeError('limits.invalid', problem)
    }
    const edits = request.changes.map(({ id, value }) => ({ path: pathOf(id), value: value ?? undefined }))
    const { text } = editText(newest, file, edits)
    const parsed = parseSite(text, file)
    if (parsed.problems) throw new EdgeError('limits.invalid', problemsText(parsed.problems))
    return { text, site: parsed.site, model: compile(parsed.site) }
  }

  function preview(request: LimitsPreviewRequest): LimitsPreview {
    const { model } = changed(request)
    const looser = looserChanges(siteLimits(present().site), request.changes)
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
    const before = siteLimits(present().site)
    const unconfirmed = looserChanges(before, request.changes).filter((id) => !request.confirmedLooser.includes(id))
    if (unconfirmed.length > 0)
      throw new EdgeError(
        'limits.unconfirmed',
        `these allow more than before and are not confirmed: ${unconfirmed.join(', ')}`,
      )
    await journalDurable({
      kind: 'configuration',
      principal,
      detail: `limits: ${request.reason}`,
      data: Object.fromEntries(request.changes.map((each) => [each.id, describe(before, each)])),
    })
    await siteText.save(next.text, principal, request.reason)
    use(next.site)
    return limits()
  }

  const limits = (): SiteLimits => ({ revision: revision(), kept, limits: siteLimits(present().site) })

  return {
    limits,
    preview,
    change,
    observe: (gridId, input, result) => void seen.set(gridId, { input, result }),
  }
}

/** A limit is named by its place in the file. */
const pathOf = (id: string): (string | number)[] =>
  id.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))

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
