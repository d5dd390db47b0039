#!/usr/bin/env python3
"""Sends once more what a conformance test sent, and shows what comes back. Needs nothing but Python 3.8 on Linux, and root.

It judges nothing: it shows what the test expected, what came then, and what comes now.
"""
import argparse
import ctypes
import hashlib
import hmac
import json
import os
import select
import socket
import struct
import sys
import time

# Of each stimulus the octets as they were sent (an IP packet, or a whole frame), and what in them has to be fresh.
DATA = json.loads(r'''
__DATA__
''')

ETH_P_ALL = 3
SO_BINDTODEVICE = 25
IP_HDRINCL = 3
PACKET_OUTGOING = 4
NTP = 2208988800


# Keys and what has to be fresh (RFC 3344 3.5.1, 5.7)

def authenticator(algorithm, key, message, offset):
    """Of the authentication extension that begins at message[offset]."""
    covered, bare = bytes(message[: offset + 6]), bytes(message[: offset + 2])
    if algorithm == "hmac-sha1":
        return hmac.new(key, covered, hashlib.sha1).digest()
    if algorithm == "keyed-md5":
        return hashlib.md5(key + bare + key).digest()
    if algorithm == "keyed-md5-spi-covered":
        return hashlib.md5(key + covered + key).digest()
    return hmac.new(key, covered, hashlib.md5).digest()


def ntp_now():
    now = time.time_ns()
    return ((now // 10**9 + NTP) << 32) | (((now % 10**9) << 32) // 10**9)


class Freshness:
    """Old Identifications become new ones, the same the same, as far from the clock as they were."""

    def __init__(self):
        self.known = {}
        self.last = 0

    def of(self, old, sent_ntp):
        if old not in self.known:
            value = ntp_now() + int.from_bytes(old, "big") - int(sent_ntp, 16)
            if abs(int.from_bytes(old, "big") - int(sent_ntp, 16)) < 4 << 32:
                value = max(value, self.last + 1)
                self.last = value
            self.known[old] = (value % 2**64).to_bytes(8, "big")
        return self.known[old]

    def of_reply(self, old):
        """A reply has the Identification of its request, or its lower half (RFC 3344 5.7.1)."""
        if old in self.known:
            return self.known[old]
        for before, now in self.known.items():
            if before[4:] == old[4:]:
                return old[:4] + now[4:]
        return old


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_sum(packet, ip, udp):
    """Over the UDP datagram at packet[udp] and its pseudo-header, of the IP header at packet[ip]; 0 when the checksum is right."""
    length = len(packet) - udp
    if packet[ip] >> 4 == 4:
        pseudo = bytes(packet[ip + 12 : ip + 20]) + struct.pack(">BBH", 0, 17, length)
    else:
        pseudo = bytes(packet[ip + 8 : ip + 40]) + struct.pack(">I", length) + b"\0\0\0\x11"
    return checksum(pseudo + bytes(packet[udp:]))


def udp_is_right(packet, ip, udp):
    return packet[udp + 6 : udp + 8] != b"\0\0" and udp_sum(packet, ip, udp) == 0


def fix_udp(packet, ip, udp):
    packet[udp + 6 : udp + 8] = b"\0\0"
    packet[udp + 6 : udp + 8] = struct.pack(">H", udp_sum(packet, ip, udp) or 0xFFFF)


# What comes, in words

def address(octets):
    return socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)


def extensions(message, at):
    names = {DATA["extensionTypes"][name]: name for name in DATA["extensionTypes"]}
    names.update({32: "mobile-home authentication", 33: "mobile-foreign authentication", 34: "foreign-home authentication", 131: "NAI"})
    words = []
    while at < len(message):
        kind = message[at]
        if kind == 0:
            at += 1
            continue
        long = kind in (36, 37, 38, 40, 41, 42, 43, 47, 48, 50, 127)
        start = at + (4 if long else 2)
        if start > len(message):
            break
        length = struct.unpack(">H", message[at + 2 : at + 4])[0] if long else message[at + 1]
        words.append("%s(%s)" % (names.get(kind, kind), bytes(message[start : start + length]).hex()))
        at = start + length
    return ", ".join(words)


def words_of_frame(frame):
    """An Ethernet frame from its header on."""
    kind = frame[12:14]
    if kind == b"\x08\x06" and len(frame) >= 42:
        sender, target = address(frame[28:32]), address(frame[38:42])
        if frame[21] == 1:
            return "ARP %s asks who has %s" % (sender, target)
        return "ARP %s is at %s" % (sender, frame[22:28].hex(":"))
    if kind in (b"\x08\0", b"\x86\xdd"):
        return words_of(frame[14:])
    return "EtherType %s" % kind.hex()


def words_of(packet, depth=0):
    """The chain of headers of an IP packet."""
    if len(packet) < 20 or depth > 8:
        return "%d octets" % len(packet)
    if packet[0] >> 4 == 4:
        start = (packet[0] & 15) * 4
        head = "IPv4 %s > %s" % (address(packet[12:16]), address(packet[16:20]))
        return head + following(packet[9], packet[start:], depth)
    if packet[0] >> 4 == 6 and len(packet) >= 40:
        head = "IPv6 %s > %s" % (address(packet[8:24]), address(packet[24:40]))
        return head + following(packet[6], packet[40:], depth)
    return "octets " + bytes(packet[:40]).hex()


def following(protocol, rest, depth):
    if protocol in (4, 41):
        return " protocol %d / %s" % (protocol, words_of(rest, depth + 1))
    if protocol == 17 and len(rest) >= 8:
        ports = struct.unpack(">HH", rest[:4])
        body = rest[8:]
        text = " / UDP %d > %d" % ports
        if 434 in ports and len(body) >= 20:
            if body[0] == 3:
                return "%s / registration reply code %d, lifetime %d, %s" % (text, body[1], struct.unpack(">H", body[2:4])[0], extensions(body, 20))
            if body[0] == 1 and len(body) >= 24:
                return "%s / registration request lifetime %d, %s" % (text, struct.unpack(">H", body[2:4])[0], extensions(body, 24))
        return "%s / %s" % (text, bytes(body[:24]).hex())
    return " protocol %d / %s" % (protocol, bytes(rest[:24]).hex())


# Ports

class Port:
    """A device of this machine, in a network namespace if need be."""

    def __init__(self, name, device, namespace):
        self.name, self.device = name, device
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            if namespace:
                path = namespace if "/" in namespace else "/run/netns/" + namespace
                there = os.open(path, os.O_RDONLY)
                if ctypes.CDLL(None, use_errno=True).setns(there, 0) != 0:
                    sys.exit("cannot enter the namespace %s: %s" % (path, os.strerror(ctypes.get_errno())))
                os.close(there)
            self.packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.packets.bind((device, ETH_P_ALL))
            self.ipv4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.ipv4.setsockopt(socket.IPPROTO_IP, IP_HDRINCL, 1)
            self.ipv6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.sinks = []
            for number in (9, 434):
                # So that the kernel does not answer "port unreachable".
                sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                try:
                    sink.bind(("::", number))
                    self.sinks.append(sink)
                except OSError:
                    sink.close()
            for one in (self.ipv4, self.ipv6):
                one.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode() + b"\0")
        except OSError as error:
            sys.exit("port %s, device %s: %s (root is needed)" % (name, device, error))
        finally:
            ctypes.CDLL(None).setns(home, 0)
            os.close(home)

    def send(self, kind, octets):
        if kind == "ethernet":
            self.packets.send(octets)
        elif octets[0] >> 4 == 4:
            self.ipv4.sendto(octets, (address(octets[16:20]), 0))
        else:
            self.ipv6.sendto(octets, (address(octets[24:40]), 0))


class Replay:
    def __init__(self, ports, keys, wait):
        self.ports, self.keys, self.wait = ports, keys, wait
        self.fresh = Freshness()
        self.start = time.monotonic()
        self.nonces = {}
        self.request = None
        self.asked = {}
        self.heard = 0
        self.came = []

    def listen(self, until):
        """Show what comes until then."""
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            ready = select.select([port.packets for port in self.ports.values()], [], [], left)[0]
            for port in self.ports.values():
                if port.packets in ready:
                    octets, where = port.packets.recvfrom(65535)
                    if where[2] != PACKET_OUTGOING:
                        self.show(port, octets)

    def show(self, port, frame):
        words, packet = words_of_frame(frame), frame[14:]
        self.came.append((port.name, words))
        print("%8.1f ms  %s came  %s" % ((time.monotonic() - self.start) * 1000, port.name, words), flush=True)
        if frame[12:14] == b"\x08\0" and len(packet) >= 28 and packet[9] == 17:
            body = packet[(packet[0] & 15) * 4 + 8 :]
            if len(body) >= 20 and body[0] == 3:
                self.nonces[address(body[4:8])] = bytes(body[12:16])
                self.heard += 1
            if len(body) >= 24 and body[0] == 1:
                self.request = (bytes(body[16:24]), packet[(packet[0] & 15) * 4 : (packet[0] & 15) * 4 + 2])
                self.asked[port.name] = self.request[1]
                self.heard += 1

    def prepare(self, stimulus):
        packet = bytearray.fromhex(stimulus["octets"])
        message = stimulus.get("message")
        if message is None:
            return packet
        ip, udp = (0 if stimulus["kind"] == "ip" else 14), message["offset"] - 8
        # A checksum that was wrong on purpose stays wrong.
        udp_right = udp_is_right(packet, ip, udp)
        at = message["identification"]
        old = bytes(packet[at : at + 8])
        known = stimulus.get("known", "")
        if any(one["recompute"] is None for one in stimulus["authentications"]):
            print("             as recorded: the capsule was made without the profile of the device")
            return packet
        recompute = [one for one in stimulus["authentications"] if one["recompute"]]
        missing = sorted({one["spi"] for one in recompute if one["spi"] not in self.keys})
        if missing:
            print("             as recorded: no key for SPI %s, so a device that checks timestamps answers 133" % ", ".join(map(str, missing)))
            return packet
        if ":" in known:
            end = time.monotonic() + self.wait
            while self.request is None and time.monotonic() < end:
                self.listen(min(end, time.monotonic() + 0.1))
            if self.request is not None:
                identification, port = self.request
                recorded = bytes.fromhex(known.split(":")[0])
                packet[at + 4 : at + 8] = identification[4:] if old[4:] == recorded[4:] else old[4:]
                packet[at : at + 4] = identification[:4] if old[:4] == recorded[:4] else old[:4]
                packet[udp + 2 : udp + 4] = port
        elif message["isRequest"]:
            packet[at : at + 8] = self.fresh.of(old, message["sentNtp"])
            home = address(packet[message["offset"] + 4 : message["offset"] + 8])
            # With nonces: the newest one where the newest was sent then, and a stale one where it was stale.
            if home in DATA["nonces"]:
                packet[at : at + 4] = self.nonces.get(home, old[:4]) if old[:4].hex() == known else old[:4]
        else:
            packet[at : at + 8] = self.fresh.of_reply(old)
            # A foreign agent asks from a port of its own choice.
            packet[udp + 2 : udp + 4] = self.asked.get(stimulus["port"], packet[udp + 2 : udp + 4])
        for one in recompute:
            body, offset = packet[message["offset"] :], one["offset"] - message["offset"]
            value = authenticator(DATA["algorithms"].get(str(one["spi"]), "hmac-md5"), self.keys[one["spi"]], body, offset)
            packet[one["offset"] + 6 : one["offset"] + 6 + len(value)] = value
        if udp_right:
            fix_udp(packet, ip, udp)
        return packet

    def run(self):
        before = 0.0
        actions = list(DATA["actions"])
        for stimulus in DATA["stimuli"]:
            while actions and actions[0]["afterMs"] <= stimulus["afterMs"]:
                print("             >>> now do this with the device: %s" % actions.pop(0)["name"], flush=True)
                self.request = None
            self.listen(time.monotonic() + max(0, stimulus["afterMs"] - before) / 1000 + 0.02)
            before = stimulus["afterMs"]
            port = self.ports[stimulus["port"]]
            packet = bytes(self.prepare(stimulus))
            print("%8.1f ms  %s sends %s  (%s)" % ((time.monotonic() - self.start) * 1000, port.name, words_of(packet) if stimulus["kind"] == "ip" else words_of_frame(packet), stimulus["step"]), flush=True)
            heard = self.heard
            port.send(stimulus["kind"], packet)
            # What comes next may rest on the answer, if there is one.
            end = time.monotonic() + 1
            while stimulus.get("message", {}).get("isRequest") and self.heard == heard and time.monotonic() < end:
                self.listen(min(end, time.monotonic() + 0.05))
        self.listen(time.monotonic() + self.wait)


def describe():
    print("%s\n%s\n" % (DATA["test"], DATA["title"]))
    print("It sends:")
    for one in DATA["stimuli"]:
        print("  %9.1f ms  at %-7s %s  (%s)" % (one["afterMs"], one["port"], one["words"][:160], one["step"]))
    for one in DATA["actions"]:
        print("  %9.1f ms  the device has to be told, or moved: %s" % (one["afterMs"], one["name"]))
    if DATA["left"]:
        print("  %d messages are in no capture, and are not sent." % DATA["left"])
    spis = sorted({auth["spi"] for one in DATA["stimuli"] for auth in one["authentications"] if auth["recompute"]})
    if spis:
        print("\nKeys that it needs for fresh authenticators, by SPI: %s" % ", ".join(map(str, spis)))
        print("  --key-file SPI=FILE (hex digits), or DSMIP_KEY_<SPI> in the environment. Addresses and lifetimes stay as recorded.")
    expected()
    ports = sorted({one["port"] for one in DATA["stimuli"]} | {one["port"] for one in DATA["expectations"] if one["port"]})
    print("\nTo send it: %s" % " ".join(["python3", sys.argv[0]] + ["--port %s=DEVICE" % port for port in ports]))


def expected():
    for one in DATA["expectations"]:
        print("\nAt %s, clause %s (%s then)\n  expected  %s\n  came then %s" % (one["port"], one["clause"], one["verdict"], "\n            ".join(one["expected"]), "\n            ".join(one["recorded"])))


def pairs(values, what):
    found = {}
    for value in values:
        name, sign, rest = value.partition("=")
        if not sign or not name or not rest:
            sys.exit("%s %s: has to be NAME=VALUE" % (what, value))
        found[name] = rest
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", action="append", default=[], metavar="NAME=DEVICE", help="the device on which the harness's port is")
    parser.add_argument("--netns", action="append", default=[], metavar="NAME=NAMESPACE", help="the network namespace of a port, by name or path")
    parser.add_argument("--key-file", action="append", default=[], metavar="SPI=FILE", help="hex digits of the key of a security association")
    parser.add_argument("--wait", type=float, default=2.0, metavar="SECONDS", help="how long to listen at the end (2)")
    options = parser.parse_args()
    devices, namespaces = pairs(options.port, "--port"), pairs(options.netns, "--netns")
    if not devices:
        describe()
        return
    missing = sorted({one["port"] for one in DATA["stimuli"]} - set(devices))
    if missing:
        sys.exit("--port is missing for %s" % ", ".join(missing))
    keys = {}
    try:
        for name, value in os.environ.items():
            if name.startswith("DSMIP_KEY_"):
                keys[int(name[10:])] = bytes.fromhex(value)
        for spi, file in pairs(options.key_file, "--key-file").items():
            with open(file) as opened:
                keys[int(spi)] = bytes.fromhex(opened.read().strip())
    except (OSError, ValueError) as error:
        sys.exit("a key cannot be read: %s" % (error if isinstance(error, OSError) else "it has to be hex digits, under the number of its SPI"))
    replay = Replay({name: Port(name, device, namespaces.get(name)) for name, device in devices.items()}, keys, options.wait)
    replay.run()
    expected()
    print("\nCame now")
    for port, words in replay.came:
        print("  %-7s %s" % (port, words))


if __name__ == "__main__":
    main()
