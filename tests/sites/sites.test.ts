import { describe, expect, it } from 'vitest'
import { loadCases } from './support/load-cases.ts'
import { runCase } from './support/run-case.ts'

const folders = process.env['R_EMS_OPEN_CASES'] === '1' ? ['cases', 'open'] : ['cases']

for (const { file, cases } of folders.flatMap(loadCases)) {
  describe(file, () => {
    for (const siteCase of cases)
      it(siteCase.name, () => {
        expect(runCase(siteCase), `${file}, "${siteCase.name}"`).toEqual([])
      })
  })
}
