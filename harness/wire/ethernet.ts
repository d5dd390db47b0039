import { formatIpv4, formatMac } from './address.ts';
import type { Cursor } from './cursor.ts';
import { etherType, etherTypeOf } from './protocols.ts';
import type { Arp, Ethernet, LayerName } from './types.ts';
import type { Writer } from './writer.ts';

const ethernetOctets = 14;
const arpOctets = 28;
const noMac = '00:00:00:00:00:00';
/** Ethernet hardware, IPv4 protocol, address lengths 6 and 4: the only ARP there is here. */
const arpHardwareEthernet = 1;
const arpAddressLengths = 0x0604;

/** IEEE 802.3 header. */
export function encodeEthernet(w: Writer, ethernet: Ethernet, following: LayerName | undefined): void {
  w.mac(ethernet.destination ?? noMac, 'ethernet.destination');
  w.mac(ethernet.source ?? noMac, 'ethernet.source');
  w.u16(ethernet.etherType ?? etherTypeOf(following), 'ethernet.etherType');
}

/** IEEE 802.3 header. VLAN tags and LLC stay payload. */
export function decodeEthernet(c: Cursor): void {
  if (c.end - c.at < ethernetOctets) {
    c.halt('ethernet', `${c.end - c.at} octets are too few for a header`);
    return;
  }
  const type = c.u16(12);
  const ethernet = {
    destination: formatMac(c.octets, c.at),
    source: formatMac(c.octets, c.at + 6),
    etherType: type,
  };
  c.push('ethernet', { ethernet }, ethernetOctets);
  if (type === etherType.ipv4) c.next = 'ipv4';
  else if (type === etherType.ipv6) c.next = 'ipv6';
  else c.next = type === etherType.arp ? 'arp' : 'payload';
}

/** RFC 826 for IPv4 over Ethernet. */
export function encodeArp(w: Writer, arp: Arp): void {
  w.u16(arpHardwareEthernet, 'arp');
  w.u16(etherType.ipv4, 'arp');
  w.u16(arpAddressLengths, 'arp');
  w.u16(arp.operation ?? 1, 'arp.operation');
  w.mac(arp.senderMac ?? noMac, 'arp.senderMac');
  w.ipv4(arp.senderAddress ?? '0.0.0.0', 'arp.senderAddress');
  w.mac(arp.targetMac ?? noMac, 'arp.targetMac');
  w.ipv4(arp.targetAddress ?? '0.0.0.0', 'arp.targetAddress');
}

/** RFC 826 for IPv4 over Ethernet; what follows is link padding. */
export function decodeArp(c: Cursor): void {
  const start = c.at;
  if (c.end - start < arpOctets) {
    c.halt('arp', `${c.end - start} octets are too few`);
    return;
  }
  if (c.u16(0) !== arpHardwareEthernet || c.u16(2) !== etherType.ipv4 || c.u16(4) !== arpAddressLengths) {
    c.halt('arp', 'not IPv4 over Ethernet');
    return;
  }
  const arp = {
    operation: c.u16(6),
    senderMac: formatMac(c.octets, start + 8),
    senderAddress: formatIpv4(c.octets, start + 14),
    targetMac: formatMac(c.octets, start + 18),
    targetAddress: formatIpv4(c.octets, start + 24),
  };
  c.push('arp', { arp }, arpOctets);
  c.end = c.at;
  c.next = 'payload';
}
