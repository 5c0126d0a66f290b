import { type Status, status as statusSchema } from '#contract/api.ts'
import { deploymentStatus } from '#contract/deployment.ts'
import { parseCommandLine, parsePort, UsageError } from '../args.ts'
import { createAsk } from './ask-service.ts'
import { describeDeployment } from './deploy-report.ts'
import { dataFolderOf, readToken, targetFlags } from './edge-target.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl status [--url http://127.0.0.1:PORT] [--data-dir DIR] [--json]

Shows what the service on this machine is doing (default: R_EMS_API_PORT or 8080), with the token in R_EMS_API_TOKEN or
the one in its data folder (R_EMS_DATA_DIR; default /var/lib/r-ems).
Exit code: 0 running without faults, 1 running with faults, 3 no answer, 5 not let in.
`

export const status: Command = {
  summary: 'what the service on this machine is doing',
  usage,
  async run(args, { environment, out, err }) {
    const { values } = parseCommandLine({
      args,
      options: { ...targetFlags, json: { type: 'boolean' } },
      strict: true,
    })
    const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
    const url = values.url ?? `http://127.0.0.1:${port}`
    if (!URL.canParse(url)) throw new UsageError(`--url: "${url}" is not an address`)
    const token = environment['R_EMS_API_TOKEN'] ?? (await readToken(dataFolderOf(values, environment)).catch(() => ''))
    let body: unknown
    try {
      const response = await fetch(new URL('/api/v1/status', url), {
        ...(token && { headers: { authorization: `Bearer ${token}` } }),
        redirect: 'error',
        signal: AbortSignal.timeout(5_000),
      })
      if (response.status === 401) {
        err(
          `r-emsctl status: ${url} answers, but lets nobody in without a token. Run this as the owner of the data folder (--data-dir), or set R_EMS_API_TOKEN.\n`,
        )
        return exitCode.refused
      }
      body = await response.json()
    } catch {
      err(
        `r-emsctl status: no answer from ${url}. Is the service running? Start it with r-emsd, or name its address with --url.\n`,
      )
      return exitCode.noAnswer
    }
    const parsed = statusSchema.safeParse(body)
    if (!parsed.success) {
      err(`r-emsctl status: ${url} answers, but not as an R-EMS service of this version.\n`)
      return exitCode.noAnswer
    }
    if (values.json) out(`${JSON.stringify(parsed.data)}\n`)
    else out(`${describe(parsed.data, url)}${await deploymentLine(url, token)}`)
    return parsed.data.faults.length > 0 ? 1 : 0
  },
}

function describe(status: Status, url: string): string {
  const { cycle, control, devices, faults } = status
  const uptimeMin = Math.floor((status.nowMs - status.startedAtMs) / 60_000)
  const lines = [
    `${status.site} at ${url}`,
    `  version   ${status.version}, running for ${uptimeMin} min, mode ${status.mode}`,
    `  control   ${control.enabled ? (control.dryRun ? 'dry run' : 'enabled') : 'off'}: ${control.reason}`,
    `  devices   ${devices.online} of ${devices.total} online, ${status.requestsPerS.toFixed(1)} requests/s`,
    `  cycle     ${cycle.periodMs} ms, late by ${cycle.latenessMs.p99.toFixed(1)} ms and busy for ${cycle.durationMs.p99.toFixed(1)} ms (p99), ${cycle.overruns} skipped`,
    ...faults.map((fault) => `  ${fault.severity.padEnd(9)} ${fault.message}\n            ${fault.action}`),
  ]
  return `${lines.join('\n')}\n`
}

/** What was deployed, where the service says so. */
async function deploymentLine(url: string, token: string): Promise<string> {
  const found = await createAsk(url, token)('GET', '/api/v1/deployment', deploymentStatus).catch(() => undefined)
  if (!found?.active && !found?.holder) return ''
  const lines = describeDeployment(found).trimEnd().split('\n')
  return lines.map((line, at) => `  ${at === 0 ? 'deployed  ' : '          '}${line}\n`).join('')
}
