#!/usr/bin/python3
"""The plant's side of a site, played by pymodbus, and an independent monitor of its fuse.

A three-phase meter (registers of an SDM630), chargers and a battery (registers of the simulated plant's devices) on one
connection. Shares no code with the product: what flows is computed here from the registers that were written, and what is over
the fuse is counted here, every 10 ms of the monotonic clock.

Commands are JSON objects, one per line on standard input; each is answered by one line on standard output:
  {"do": "house", "ampere": [a, b, c]}         load of the building per phase
  {"do": "meter", "mode": "live"|"frozen"|"nan"|"silent"|"shifted", "ampere": [a, b, c]}
  {"do": "charger", "number": N, "mode": "live"|"ignores"|"forgets"|"silent"}
  {"do": "battery", "mode": "live"|"ignores"|"dead"}
  {"do": "state"}                              what flows now
  {"do": "window"}                             what happened since the last such line
Ends when standard input ends.
"""
import argparse
import asyncio
import json
import random
import struct
import sys
import time

from pymodbus.datastore import ModbusServerContext
from pymodbus.exceptions import NoSuchSlaveException
from pymodbus.interfaces import IModbusSlaveContext
from pymodbus.server.async_io import ModbusTcpServer

TICK_S = 0.01
VOLT = 230.0


def float32(value):
    return list(struct.unpack(">HH", struct.pack(">f", value)))


def u16(value):
    return [int(round(value)) & 0xFFFF]


def u32(value):
    value = int(round(value)) & 0xFFFFFFFF
    return [value >> 16, value & 0xFFFF]


def text(value, words):
    raw = value.encode().ljust(words * 2, b"\0")
    return list(struct.unpack(f">{words}H", raw))


def signed32(words):
    return struct.unpack(">i", struct.pack(">HH", *words))[0]


def approach(value, target, most):
    return target if abs(target - value) <= most else value + (most if target > value else -most)


class Device(IModbusSlaveContext):
    """Registers that are computed when they are read; writes are logged before they act."""

    name = ""
    silent = False

    def __init__(self, plant):
        self.plant = plant

    def image(self, space):
        """Address -> words of one register space."""
        raise NotImplementedError

    def write(self, address, words):
        raise NotImplementedError

    def flat(self, fx):
        return {a + i: w for a, words in self.image(self.decode(fx)).items() for i, w in enumerate(words)}

    def validate(self, fx, address, count=1):
        if self.silent:
            raise NoSuchSlaveException("silent")
        known = self.flat(fx)
        return all(address + i in known for i in range(count))

    def getValues(self, fx, address, count=1):
        known = self.flat(fx)
        return [known[address + i] for i in range(count)]

    def setValues(self, fx, address, values):
        self.plant.log(self.name, address, list(values))
        self.write(address, list(values))


class Meter(Device):
    name = "meter"
    mode = "live"
    shift = (0.0, 0.0, 0.0)
    kept = None

    def image(self, space):
        if space != "i":
            return {64512: u32(24001337)}
        if self.mode == "frozen":
            return self.kept
        return self.live()

    def live(self):
        shift = self.shift if self.mode == "shifted" else (0.0, 0.0, 0.0)
        ampere = [a + s for a, s in zip(self.plant.ampere, shift)]
        volt = [VOLT + random.uniform(-0.3, 0.3) for _ in ampere]
        watt = [v * a for v, a in zip(volt, ampere)]
        values = {0: volt[0], 2: volt[1], 4: volt[2], 52: sum(watt), 70: 50 + random.uniform(-0.01, 0.01), 62: 1.0,
                  72: 4210.0, 74: 9630.0, 200: 398.0, 202: 398.0, 204: 398.0, 342: 13840.0}
        for i in range(3):
            values.update({6 + 2 * i: abs(ampere[i]), 12 + 2 * i: watt[i], 30 + 2 * i: 1.0})
        if self.mode == "nan":
            values = {address: float("nan") for address in values}
        return {address: float32(values.get(address, 0.0)) for address in range(0, 382, 2)}

    def write(self, address, words):
        pass


class Charger(Device):
    mode = "live"

    def __init__(self, plant, number, phases, response_s):
        super().__init__(plant)
        self.name = f"charger-{number}"
        self.phases = phases
        self.response_s = response_s
        self.most = 32.0
        self.failsafe_a = 6.0
        self.failsafe_s = 30
        self.told = None
        self.obeyed = None
        self.until = 0.0
        self.flow = 0.0

    def limit(self):
        return self.told if self.told is not None and time.monotonic() < self.until else self.failsafe_a

    def tick(self, dt):
        limit = self.limit()
        if self.mode != "ignores":
            self.obeyed = limit
        target = min(self.obeyed, self.most) if self.obeyed >= 6 else 0.0
        self.flow = approach(self.flow, target, self.most * dt / self.response_s)

    def image(self, space):
        if space == "i":
            ampere = [self.flow if i < len(self.phases) else 0.0 for i in range(3)]
            image = {0: text("R-EMS", 8), 8: text("DEMO-CHARGER", 8), 16: text(self.name, 8), 24: text("1", 4),
                     100: u16(2 if self.flow > 0 else 1), 101: u16(1), 102: u16(1 if self.flow > 0 else 0), 103: [0],
                     110: u32(sum(ampere) * VOLT), 112: u32(1000), 114: u32(1000), 116: u16(self.most * 100)}
            for i in range(3):
                image.update({104 + i: u16(ampere[i] * 100), 107 + i: u16(VOLT * 10)})
            return image
        left = max(0, self.until - time.monotonic()) if self.told is not None else 0
        return {200: u16(self.limit() * 100), 201: u16(3), 202: u16(left), 203: u16(self.failsafe_a * 100),
                204: u16(self.failsafe_s)}

    def write(self, address, words):
        if self.mode == "forgets":
            return
        if address == 200:
            self.told = words[0] / 100
            self.until = time.monotonic() + self.failsafe_s


class Battery(Device):
    name = "battery"
    mode = "live"
    most_w = 5000.0

    def __init__(self, plant, response_s):
        super().__init__(plant)
        self.response_s = response_s
        self.prepared = 0
        self.told = None
        self.reversion_s = 30
        self.until = 0.0
        self.flow = 0.0  # W, charging positive

    def in_force(self):
        return self.told if self.told is not None and time.monotonic() < self.until else 0

    def tick(self, dt):
        if self.mode == "dead":
            self.flow = 0.0
        elif self.mode == "live":
            self.flow = approach(self.flow, self.in_force(), 2 * self.most_w * dt / self.response_s)
        else:
            self.flow = approach(self.flow, 0.0, 2 * self.most_w * dt / self.response_s)

    def image(self, space):
        if space == "i":
            return {0: text("R-EMS", 8), 8: text("DEMO-BATTERY", 8), 16: text("B1", 8), 24: text("1", 4),
                    100: u16(0), 101: u16(6000), 102: u16(9900), 103: u32(self.flow), 105: u16(VOLT * 10),
                    106: u16(self.flow / VOLT * 10), 107: u16(250), 108: u32(self.most_w), 110: u32(self.most_w),
                    112: u32(15000), 114: u32(1000), 116: u32(1000)}
        alive = self.told is not None and time.monotonic() < self.until
        return {200: u32(self.in_force()), 202: u16(self.reversion_s), 203: u16(1 if alive else 0),
                204: u16(max(0, self.until - time.monotonic()) if alive else 0)}

    def write(self, address, words):
        words = dict(enumerate(words, address))
        if 200 in words and 201 in words:
            self.prepared = signed32([words[200], words[201]])
        if 202 in words:
            self.reversion_s = words[202]
        if 203 in words:
            self.told = self.prepared if words[203] == 1 else None
            self.until = time.monotonic() + self.reversion_s


class Plant:
    def __init__(self, fuse_a, response_s, chargers):
        self.fuse_a = fuse_a
        self.house = [5.0, 5.0, 5.0]
        self.ampere = [5.0, 5.0, 5.0]
        self.meter = Meter(self)
        self.chargers = [Charger(self, i + 1, phases, response_s) for i, phases in enumerate(chargers)]
        self.battery = Battery(self, response_s)
        self.devices = [self.meter, *self.chargers, self.battery]
        self.start_window()

    def start_window(self):
        self.since = time.monotonic()
        self.over = [{"overS": 0.0, "longestS": 0.0, "ampereS": 0.0, "maxA": 0.0, "runS": 0.0} for _ in range(3)]
        self.writes = []
        self.slowest_tick = 0.0

    def log(self, device, address, words):
        self.writes.append({"atS": round(time.monotonic() - self.since, 3), "device": device, "address": address,
                            "words": words})

    def tick(self, dt):
        for device in [*self.chargers, self.battery]:
            device.tick(dt)
        self.slowest_tick = max(self.slowest_tick, dt)
        for phase in range(3):
            flow = self.house[phase] + random.uniform(-0.02, 0.02) + self.battery.flow / VOLT / 3
            flow += sum(c.flow for c in self.chargers if phase in c.phases)
            self.ampere[phase] = flow
            entry = self.over[phase]
            excess = abs(flow) - self.fuse_a
            entry["maxA"] = max(entry["maxA"], abs(flow))
            if excess > 0:
                entry["overS"] += dt
                entry["runS"] += dt
                entry["ampereS"] += excess * dt
                entry["longestS"] = max(entry["longestS"], entry["runS"])
            else:
                entry["runS"] = 0.0

    def obey(self, command):
        what = command["do"]
        if what == "house":
            self.house = [float(a) for a in command["ampere"]]
        elif what == "meter":
            if command["mode"] == "frozen":
                self.meter.kept = self.meter.live()
            self.meter.mode = command["mode"]
            self.meter.silent = command["mode"] == "silent"
            self.meter.shift = command.get("ampere", (0.0, 0.0, 0.0))
        elif what == "charger":
            charger = self.chargers[command["number"] - 1]
            charger.mode = command["mode"]
            charger.silent = command["mode"] == "silent"
        elif what == "battery":
            self.battery.mode = command["mode"]
            self.battery.silent = command["mode"] == "dead"
        elif what == "window":
            report = {"seconds": time.monotonic() - self.since, "slowestTickS": self.slowest_tick,
                      "phases": self.over, "writes": self.writes}
            self.start_window()
            return report
        return {"ampere": self.ampere, "chargerA": [c.flow for c in self.chargers],
                "toldA": [c.limit() for c in self.chargers], "batteryW": -self.battery.flow,
                "batteryToldW": -self.battery.in_force()}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fuse", type=float, required=True)
    parser.add_argument("--response", type=float, required=True, help="seconds through the whole range of a device")
    parser.add_argument("--chargers", type=json.loads, required=True, help="phases of each, such as [[0,1,2],[2]]")
    args = parser.parse_args()
    plant = Plant(args.fuse, args.response, args.chargers)
    ports = {}
    for device in plant.devices:
        server = ModbusTcpServer(ModbusServerContext(slaves=device, single=True), address=("127.0.0.1", 0),
                                 ignore_missing_slaves=True)
        asyncio.ensure_future(server.serve_forever())
        await server.serving
        ports[device.name] = server.server.sockets[0].getsockname()[1]
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(ports), flush=True)

    async def physics():
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            plant.tick(now - last)
            last = now

    ticking = asyncio.ensure_future(physics())
    while True:
        line = await reader.readline()
        if not line:
            break
        print(json.dumps(plant.obey(json.loads(line))), flush=True)
    ticking.cancel()


asyncio.run(main())
