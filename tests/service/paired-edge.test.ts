import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { pairWindow } from '#contract/access.ts'
import { deploymentStatus } from '#contract/deployment.ts'
import { run } from '../../service/cli/run.ts'
import { fakeTerminal } from '../unit/cli/terminal.ts'
import { authorized, startService } from './service-process.ts'

test('an edge on the network is paired with once, and asked over its pinned certificate from then on', async () => {
  await using service = await startService(['--demo', '--listen', '127.0.0.1:0'])
  const { host } = new URL(service.secureUrl ?? '')
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-laptop-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const environment = { R_EMS_DATA_DIR: folder }
  const status = ['deploy', 'status', '--to', host, '--json']

  const stranger = fakeTerminal({ environment })
  expect(await run(status, stranger.terminal)).toBe(5)
  expect(stranger.err()).toContain(`pair first: r-emsctl deploy pair ${host}`)

  const wrong = fakeTerminal({ environment, answers: ['AAAA-AAAA-AAAA'] })
  expect(await run(['deploy', 'pair', host], wrong.terminal)).toBe(5)
  expect(wrong.err()).toContain('did not accept the pairing code')

  const opened = await fetch(`${service.url}/api/v1/pair/window`, {
    method: 'POST',
    headers: { ...authorized, 'content-type': 'application/json' },
    body: JSON.stringify({ newCode: true }),
  })
  const { code } = pairWindow.parse(await opened.json())
  const pairing = fakeTerminal({ environment, answers: [code] })
  expect(await run(['deploy', 'pair', host], pairing.terminal)).toBe(0)
  const trust: unknown = await (await fetch(`${service.url}/api/v1/trust`, { headers: authorized })).json()
  expect(trust).toMatchObject({ caFingerprint: /CA: (\S+)/.exec(pairing.out())?.[1] })

  const asked = fakeTerminal({ environment })
  expect(await run(status, asked.terminal)).toBe(0)
  expect(deploymentStatus.parse(JSON.parse(asked.out())).unavailable).toContain('demo')
})
