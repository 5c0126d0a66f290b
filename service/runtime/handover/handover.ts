import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import { emptyDraft, type HandoverDraft, handoverDraft, type HandoverReport } from '#contract/handover.ts'
import type { HandoverSources } from '../../api/handover-sources.ts'
import { parseSite } from '../../configuration/site-document.ts'
import type { Generations } from '../../deployment/generations.ts'
import type { SiteText } from '../../deployment/site-text.ts'
import { rollbackTarget } from '../../deployment/trial.ts'
import type { Clock } from '../../domain/clock.ts'
import { problemsText } from '../../domain/yaml-source.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import { documentOf } from '../../handover/document.ts'
import { toHtml } from '../../handover/html.ts'
import { toPdf } from '../../handover/pdf.ts'
import { canonicalReport, sha256, signedText, signReport } from '../../handover/sign.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import type { Journal } from '../../storage/types.ts'
import { isMissing, replaceFile, setAside } from '../workbench/text-files.ts'
import { collectReport, type ReportParts, type ReportSources } from './collect.ts'
import { createSignedFiles } from './signed-files.ts'

/** The handover report of a site: its draft and its signed copies are files in the workbench folder. */
export async function openHandover(options: {
  /** The workbench folder. */
  folder: string
  sources(): ReportSources
  clock: Clock
  edgeId: string
  siteText: Pick<SiteText, 'text' | 'file'>
  /** Those in use. */
  maps(): readonly Pick<LoadedMap, 'id' | 'hash'>[]
  /** Where something was deployed. */
  generations: Pick<Generations, 'pointer'> | undefined
  /** Of the site, by canonical address. */
  buses: ReadonlyMap<string, Pick<ArmedBus, 'stats'>>
  /** Signs for the site; asked for when a report is signed. */
  key(): Promise<KeyObject>
  journal: Pick<Journal, 'appendDurable'>
  trouble(message: string): void
}): Promise<HandoverSources> {
  const { folder, key, journal, trouble } = options
  const draftFile = join(folder, 'handover-draft.json')
  const files = createSignedFiles(folder)
  let draft: HandoverDraft = emptyDraft
  try {
    draft = handoverDraft.parse(JSON.parse(await readFile(draftFile, 'utf8')))
  } catch (error) {
    if (!isMissing(error)) await setAside(draftFile, error, trouble)
  }
  let saving: Promise<unknown> = Promise.resolve()
  const report = (by: Principal): Promise<HandoverReport> => collectReport(partsOf(options), draft, by)

  return {
    draft: () => draft,
    async saveDraft(next) {
      const saved = saving.then(async () => {
        if (next.revision !== draft.revision)
          throw new EdgeError('handover.changed', 'somebody else has changed the report meanwhile')
        const newer = { ...next, revision: next.revision + 1 }
        await replaceFile(draftFile, `${JSON.stringify(newer, undefined, 1)}\n`)
        draft = newer
        return newer
      })
      saving = saved.catch(() => undefined)
      return saved
    },
    report,
    async preview(by) {
      const current = await report(by)
      return toHtml(documentOf(current, sha256(canonicalReport(current))))
    },
    async sign({ signatures, acceptedParts = [] }, by) {
      const current = await report(by)
      const open = current.parts.filter(({ id, state }) => state === 'open' && !acceptedParts.includes(id))
      if (open.length > 0)
        throw new EdgeError('handover.open', `these parts are still open: ${open.map(({ id }) => id).join(', ')}`)
      const signed: HandoverReport = { ...current, signatures }
      const text = canonicalReport(signed)
      const document = documentOf(signed, sha256(text))
      const file = signReport(text, await key())
      const json = signedText(file)
      const id = await files.newId(signed.createdAtMs)
      const data = { report: id, sha256: sha256(json) }
      const detail = `signs the handover report ${id}`
      await journal.appendDurable({ kind: 'handover', principal: `${by.name} (${by.address})`, detail, data })
      await files.save(id, { json, html: toHtml(document), pdf: await toPdf(document) })
      return { id, createdAtMs: signed.createdAtMs, signatures, keyId: file.keyId, sha256: data.sha256 }
    },
    async signed() {
      return { reports: await files.list() }
    },
    file: files.read,
  }
}

function partsOf({ siteText, maps, generations, buses, ...rest }: Parameters<typeof openHandover>[0]): ReportParts {
  return {
    ...rest,
    site() {
      const parsed = parseSite(siteText.text(), siteText.file)
      if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
      return parsed.site
    },
    siteHash: () => sha256(siteText.text()),
    mapHashes: () => new Map(maps().map(({ id, hash }) => [id, hash])),
    generation() {
      const pointer = generations?.pointer()
      const back = pointer && rollbackTarget(pointer)
      return { ...(pointer && { generation: pointer.active }), ...(back && { rollbackTo: back.number }) }
    },
    buses: () =>
      [...buses].map(([name, bus]) => {
        const { state, requests, failures, opens, discarded } = bus.stats()
        return { name, state, requests, failures, opens, discarded }
      }),
  }
}
