import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import type { SignedHandover } from '#contract/handover.ts'
import { sha256, verifyReport } from '../../handover/sign.ts'
import { folderError, isMissing, replaceFile } from '../workbench/text-files.ts'

/** Signed reports as files: handover/ID.json, ID.html and ID.pdf in the workbench folder. */
export interface SignedFiles {
  /** Newest first. A file that was altered is left out. */
  list(): Promise<SignedHandover[]>
  /** Throws workbench.unknown. */
  read(name: string): Promise<Buffer>
  /** Throws workbench.folder or workbench.full. */
  save(id: string, files: { readonly json: string; readonly html: string; readonly pdf: Uint8Array }): Promise<void>
  /** An ID that is not taken yet. */
  newId(atMs: number): Promise<string>
}

const most = 200
const fileName = /^\d{8}-\d{6}(-\d+)?\.(json|html|pdf)$/

export function createSignedFiles(workbenchFolder: string): SignedFiles {
  const folder = join(workbenchFolder, 'handover')

  async function names(): Promise<string[]> {
    try {
      return (await readdir(folder)).filter((name) => fileName.test(name))
    } catch (error) {
      if (isMissing(error)) return []
      throw folderError(folder, error)
    }
  }

  return {
    async list() {
      const found: SignedHandover[] = []
      for (const name of (await names()).toSorted().toReversed()) {
        if (!name.endsWith('.json') || found.length === most) continue
        const text = await readFile(join(folder, name), 'utf8')
        const verdict = verifyReport(text)
        if (!verdict.ok) continue
        const { createdAtMs, signatures } = verdict.report
        found.push({ id: name.slice(0, -5), createdAtMs, signatures, keyId: verdict.keyId, sha256: sha256(text) })
      }
      return found
    },
    async read(name) {
      if (!fileName.test(name)) throw new EdgeError('workbench.unknown', 'there is no such report')
      try {
        return await readFile(join(folder, name))
      } catch (error) {
        if (isMissing(error)) throw new EdgeError('workbench.unknown', 'there is no such report')
        throw folderError(folder, error)
      }
    },
    async save(id, { json, html, pdf }) {
      if ((await names()).filter((name) => name.endsWith('.json')).length >= most)
        throw new EdgeError('workbench.full', `there are ${most} signed reports; move old ones away`)
      await replaceFile(join(folder, `${id}.html`), html)
      await replaceFile(join(folder, `${id}.pdf`), pdf)
      // Last: a report is there when this is.
      await replaceFile(join(folder, `${id}.json`), json)
    },
    async newId(atMs) {
      const taken = new Set(await names())
      const stamp = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
      for (let number = 1; ; number += 1) {
        const id = number === 1 ? stamp : `${stamp}-${number}`
        if (!taken.has(`${id}.json`)) return id
      }
    },
  }
}
