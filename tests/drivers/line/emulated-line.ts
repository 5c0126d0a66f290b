import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSerialStream, type OpenSerial } from '../../../service/drivers/modbus/serial-port.ts'
import { realClock } from '../support/clock.ts'
import { createAdapter, type AdapterModel, type PacketFaults } from './adapter.ts'
import { openPty, type Pty } from './pty.ts'
import { createTimeline, type Timeline } from './timeline.ts'
import { createLine, type Line, type LineSettings } from './wire.ts'

export interface EmulatedLine extends AsyncDisposable {
  readonly line: Line
  readonly timeline: Timeline
  /** Puts a terminal on the line, for a program with these settings. */
  port(name: string, settings: LineSettings, model?: AdapterModel, faults?: PacketFaults): Promise<Pty>
  /**
   * Opens a port of this line with the settings that the caller asks for. A pseudo terminal carries no parity, so the line
   * learns them here.
   */
  readonly openSerial: OpenSerial
}

/** An RS-485 line whose ends are pseudo terminals. Needs socat. */
export async function openEmulatedLine(): Promise<EmulatedLine> {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-line-'))
  const timeline = createTimeline(realClock)
  const line = createLine(timeline)
  const ports = new Map<string, { pty: Pty; set(settings: LineSettings): void }>()

  return {
    line,
    timeline,
    async port(name, settings, model = { kind: 'uart' }, faults) {
      const adapter = createAdapter({ timeline, model, faults, deliver: (bytes) => pty.write(bytes) })
      const station = line.attach({ settings, receive: (byte) => adapter.push(byte) })
      const pty = await openPty(join(folder, name), (bytes) => void station.send(bytes))
      ports.set(pty.path, { pty, set: (settings) => void (station.settings = settings) })
      return pty
    },
    openSerial(address, events, signal) {
      ports.get(address.path)?.set(address)
      return openSerialStream(address, events, signal)
    },
    async [Symbol.asyncDispose]() {
      timeline[Symbol.dispose]()
      await Promise.all([...ports.values()].map(({ pty }) => pty.unplug()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
