import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { liveMessage } from '#contract/live.ts'
import { authorized, residentMb, startService } from '../service/service-process.ts'

/**
 * From the spawn of the service to the first live frame with measured power, and its memory after a while. The bound in
 * the same run: the same program doing nothing but starting (--version).
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: '3' },
  },
})
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN
const round = (value: number): number => Math.round(value * 10) / 10

async function firstFrame(url: string, spawnedAtMs: number): Promise<number> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/live`, { headers: authorized })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  socket.addEventListener('open', () => socket.send(JSON.stringify({ subscribe: ['power-flow'] })))
  socket.addEventListener('error', () => reject(new Error('the live socket failed')))
  socket.on('message', (data: Buffer) => {
    const message = liveMessage.parse(JSON.parse(data.toString()))
    if (message.type === 'power-flow' && message.data.grid.powerW !== undefined)
      resolve(performance.now() - spawnedAtMs)
  })
  try {
    return await promise
  } finally {
    socket.close()
  }
}

const runs: { readyMs: number; firstFrameMs: number }[] = []
for (let run = 1; run < Number(values.runs); run += 1) {
  await using service = await startService(['--demo'])
  runs.push({ readyMs: service.readyMs, firstFrameMs: await firstFrame(service.url, service.spawnedAtMs) })
}
await using service = await startService(['--demo'])
runs.push({ readyMs: service.readyMs, firstFrameMs: await firstFrame(service.url, service.spawnedAtMs) })
await delay(Number(values.seconds) * 1_000)
const serviceMb = residentMb(service.pid)

process.stdout.write(
  `${JSON.stringify({
    bench: 'start',
    runs: runs.length,
    readyMs: round(median(runs.map(({ readyMs }) => readyMs))),
    firstFrameMs: round(median(runs.map(({ firstFrameMs }) => firstFrameMs))),
    firstFrameMaxMs: round(Math.max(...runs.map(({ firstFrameMs }) => firstFrameMs))),
    firstFrameTargetMs: 2_000,
    firstFrameRatio: round((median(runs.map(({ firstFrameMs }) => firstFrameMs)) / 2_000) * 100) / 100,
    afterSeconds: Number(values.seconds),
    serviceMb,
    serviceTargetMb: 150,
    memoryRatio: round((serviceMb / 150) * 100) / 100,
  })}\n`,
)
