import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { z } from 'zod'
import { device as deviceSchema, type Device, health, type PowerFlow, powerFlow, status } from '#contract/api.ts'
import { connectRaw, type RawClient } from '../unit/simulated/raw-client.ts'
import { authorized, type ServiceProcess } from './service-process.ts'

/** Asks a running service over HTTP; every answer must fit its contract. */
export function clientOf(service: ServiceProcess) {
  async function get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    const response = await fetch(`${service.url}${path}`, { headers: authorized })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return schema.parse(await response.json())
  }
  const device = (id: string): Promise<Device> => get(`/api/v1/devices/${id}`, deviceSchema)

  return {
    get,
    device,
    health: () => get('/api/v1/health', health),
    status: () => get('/api/v1/status', status),
    powerFlow: () => get('/api/v1/power-flow', powerFlow),
    /** Of whoever may read the data folder. */
    token: () => readFileSync(join(service.dataFolder, 'api-token'), 'utf8').trim(),
    setControl: (body: unknown, headers: Record<string, string>) =>
      fetch(`${service.url}/api/v1/control`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    /** A bare Modbus connection to the device behind the service's back. */
    async wire(id: string): Promise<RawClient> {
      return connectRaw(Number(new URL((await device(id)).bus).port))
    },
    /** Every power flow from the next one on, as the live socket brings them; ends when `until` holds. */
    async flowUntil(until: (flow: PowerFlow) => boolean, withinMs = 15_000): Promise<PowerFlow> {
      const socket = new WebSocket(`${service.url.replace('http', 'ws')}/api/v1/live`, { headers: authorized })
      const { promise, resolve, reject } = Promise.withResolvers<PowerFlow>()
      let last: PowerFlow | undefined
      const timer = setTimeout(
        () => reject(new Error(`not seen within ${withinMs} ms; last: ${JSON.stringify(last)}`)),
        withinMs,
      )
      socket.addEventListener('open', () => socket.send(JSON.stringify({ subscribe: ['power-flow'] })))
      socket.addEventListener('error', () => reject(new Error('the live socket failed')))
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as { type: string; data: unknown }
        if (message.type !== 'power-flow') return
        last = powerFlow.parse(message.data)
        if (until(last)) resolve(last)
      })
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        socket.close()
      }
    },
  }
}

export const int32 = ([high = 0, low = 0]: readonly number[]): number => (high << 16) | low

/** Registers of the simulated battery (service/drivers/simulated/battery-layout.ts), device sign: charging positive. */
export async function batteryOnTheWire(
  wire: RawClient,
): Promise<{ setpointW: number; enabled: boolean; reversionLeftS: number }> {
  const words = await wire.read(3, 200, 5)
  // Minus of 0 would be -0.
  return { setpointW: 0 - int32(words), enabled: words[3] === 1, reversionLeftS: words[4] ?? NaN }
}
