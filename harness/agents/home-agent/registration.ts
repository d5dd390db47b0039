import type { SecurityAssociation } from '../../wire/index.ts';
import { directedBroadcast, type Ipv6Key } from '../common/addresses.ts';
import { requestFlag } from '../common/messages.ts';
import type { Allocator } from './allocation.ts';
import type { Binding, BindingTable, Change, Ipv6Mode, MobileNode } from './bindings.ts';
import type { Settings } from './config.ts';
import type { Deviates, HomeAgentDeviation } from './deviations.ts';
import { type Arrival, type ParseOptions, parseRequest, type Request, replyCode } from './message.ts';
import { type NatTraversal, negotiateNatTraversal } from './nat-traversal.ts';
import {
  checkIdentification,
  isForeignAgentAuthenticated,
  isMobileAuthenticated,
  unauthenticatedIdentification,
} from './security.ts';

/** What is to be answered and what is to be changed. Pure data: nothing has happened but the replay check. */
export interface Decision {
  code: number;
  lifetimeSeconds: number;
  homeAddress: number;
  /** It was chosen by the home agent. */
  isAssigned?: boolean;
  identification: bigint;
  nai?: string;
  /** With the mobile node / the foreign agent; undefined when none is known. */
  association?: SecurityAssociation;
  foreignAssociation?: SecurityAssociation;
  /** The IPv6 home address to return before the MHAE (section 4.6). */
  returnedAddress?: Ipv6Key;
  ipv6Code?: number;
  natTraversal?: NatTraversal;
  change?: Change;
}

export type Verdict = { dropped: string } | { dropped?: undefined; decision: Decision; request: Request };

export interface Clocks {
  /** Monotonic, milliseconds. */
  now(): number;
  /** Time of day as an NTP timestamp. */
  ntp(): bigint;
}

/** The bits r and x (RFC 3344 3.3). */
const reservedFlags = 0x05;

/** Decides registration requests by RFC 3344 3.8 and sections 4.2, 4.3, 4.6 and 4.7 of the draft. */
export function createRegistrar(
  settings: Settings,
  table: BindingTable,
  allocator: Allocator,
  clocks: Clocks,
  deviates: Deviates,
): (arrival: Arrival) => Verdict {
  const parseOptions: ParseOptions = {
    types: settings.ipv6Extensions ? settings.extensionTypes : undefined,
    natTraversal: settings.natTraversal,
  };
  const draftTypes: number[] = Object.values(settings.extensionTypes);
  const broadcasts = new Set([0xffffffff, directedBroadcast(settings.homeLink.ipv4Prefix)]);

  function isBroadcastOrMulticast(address: number): boolean {
    return broadcasts.has(address) || address >>> 28 === 0xe;
  }

  function findMobile(request: Request): MobileNode | undefined {
    const byAddress = table.byHomeAddress.get(request.homeAddress);
    if (request.nai === undefined || deviates('key-found-by-home-address-only')) {
      return byAddress;
    }
    return table.byNai.get(request.nai) ?? (deviates('accepts-altered-nai') ? byAddress : undefined);
  }

  function findForeignAgent(arrival: Arrival, request: Request): SecurityAssociation | undefined {
    const bySource = settings.foreignAgents.get(arrival.source);
    return request.lifetimeSeconds === 0
      ? bySource
      : (bySource ?? settings.foreignAgents.get(request.careOfAddress));
  }

  /** The checks that need no knowledge of the mobile node; a reason to say nothing at all, or undefined. */
  function silentlyDiscarded(request: Request): string | undefined {
    const isUnknown = request.unknownNonSkippable.length > 0;
    if (
      isUnknown &&
      !deviates('unknown-non-skippable-processed') &&
      !deviates('unknown-non-skippable-answered')
    ) {
      return 'unknown extension that may not be skipped';
    }
    if (deviates('unknown-skippable-drops-message')) {
      if (request.unknownSkippable.some((type) => !draftTypes.includes(type))) {
        return 'unknown extension';
      }
    }
    const hasCompatibility = request.unknownSkippable.includes(settings.extensionTypes.ipv6Compatibility);
    if (hasCompatibility && deviates('legacy-drops-compatibility-extension')) {
      return 'unknown extension';
    }
    if (deviates('legacy-drops-ipv6-extensions')) {
      if (request.unknownSkippable.some((type) => draftTypes.includes(type))) {
        return 'unknown extension';
      }
    }
    return undefined;
  }

  /** RFC 3344 3.8.2.1 b and what follows it: the code that denies an authenticated request, or undefined. */
  function denial(arrival: Arrival, request: Request, mobile: MobileNode): number | undefined {
    const { flags } = request;
    const isAsked = (flag: number) => request.lifetimeSeconds > 0 && (flags & flag) !== 0;
    if (
      request.trailing ||
      (request.unknownNonSkippable.length > 0 && deviates('unknown-non-skippable-answered'))
    ) {
      return replyCode.poorlyFormedRequest;
    }
    if (
      deviates('legacy-refuses-ipv6-extensions') &&
      request.unknownSkippable.some((type) => draftTypes.includes(type))
    ) {
      return replyCode.poorlyFormedRequest;
    }
    const isOtherAgent = request.homeAgent !== settings.homeAgent && !deviates('other-home-agent-accepted');
    const isByBroadcast = isBroadcastOrMulticast(arrival.destination);
    if (isByBroadcast ? !deviates('broadcast-request-accepted') : isOtherAgent) {
      return replyCode.unknownHomeAgent;
    }
    const fromDeviation = deviatingDenial(request);
    if (fromDeviation !== undefined) {
      return fromDeviation;
    }
    if (
      (isAsked(requestFlag.minimalEncapsulation) && !settings.minimalEncapsulation) ||
      (isAsked(requestFlag.greEncapsulation) && !settings.greEncapsulation)
    ) {
      return deviates('encapsulation-refused-by-other-code')
        ? replyCode.poorlyFormedRequest
        : replyCode.encapsulationUnavailable;
    }
    const isRefused = isAsked(requestFlag.reverseTunneling) && settings.reverseTunneling === 'refused';
    if (isRefused && !deviates('unsupported-reverse-tunnel-accepted')) {
      return deviates('reverse-tunnel-refused-by-other-code')
        ? replyCode.administrativelyProhibited
        : replyCode.reverseTunnelUnavailable;
    }
    const isTunnelMissing = request.lifetimeSeconds > 0 && !isAsked(requestFlag.reverseTunneling);
    if (isTunnelMissing && settings.reverseTunneling === 'required') {
      return replyCode.reverseTunnelMandatory;
    }
    if (request.homeAddress !== 0 && !allocator.mayUseIpv4(request.homeAddress, mobile)) {
      return replyCode.administrativelyProhibited;
    }
    const others = mobile.bindings.filter((binding) => binding.careOfAddress !== request.careOfAddress);
    if (
      isAsked(requestFlag.simultaneousBindings) &&
      settings.maximumBindings > 1 &&
      others.length >= settings.maximumBindings &&
      !deviates('third-binding-accepted')
    ) {
      return replyCode.tooManyBindings;
    }
    return undefined;
  }

  function granted(asked: number): number {
    const most = settings.maximumLifetimeSeconds;
    return asked > most && deviates('long-lifetimes-cut-unevenly')
      ? 1 + (asked % most)
      : Math.min(asked, most);
  }

  /** What only a deviation denies. */
  function deviatingDenial({ flags, lifetimeSeconds, careOfAddress }: Request): number | undefined {
    const isTooLong = lifetimeSeconds > settings.maximumLifetimeSeconds && deviates('long-lifetime-denied');
    const isBroadcast = (flags & requestFlag.broadcastDatagrams) !== 0 && deviates('broadcast-flag-refused');
    if (isTooLong || isBroadcast) {
      return replyCode.administrativelyProhibited;
    }
    const isReserved = (flags & reservedFlags) !== 0 && deviates('reserved-bits-refused');
    const isOdd =
      (careOfAddress === 0 || careOfAddress >>> 28 === 0xe) && deviates('odd-care-of-address-refused');
    return isReserved || isOdd ? replyCode.poorlyFormedRequest : undefined;
  }

  function deregister(base: Decision, request: Request, mobile: MobileNode): Decision {
    const isAll = request.careOfAddress === base.homeAddress;
    const isIpv6Left =
      deviates('deregistration-leaves-ipv6') ||
      (deviates('care-of-deregistration-leaves-ipv6') && !isAll) ||
      (deviates('deregistration-without-ipv6-address-leaves-ipv6') && request.ipv6HomeAddress === undefined);
    const leaves = isIpv6Left ? 'ipv6' : deviates('deregistration-leaves-ipv4') ? 'ipv4' : undefined;
    const code = request.compatibility === undefined ? 2 : 0;
    return {
      ...base,
      ipv6Code: isIpv6Asked(request) ? code : undefined,
      change: {
        kind: 'deregister',
        mobile,
        careOfAddress:
          isAll || deviates('deregistration-of-one-ends-all') ? undefined : request.careOfAddress,
        leaves,
      },
    };
  }

  function isIpv6Asked(request: Request): boolean {
    const isIgnored =
      deviates('a-flag-without-support') ||
      (deviates('unknown-skippable-disables-ipv6') && request.unknownSkippable.length > 0) ||
      (deviates('ipv6-needs-foreign-agent') && (request.flags & requestFlag.decapsulationByMobileNode) !== 0);
    return request.ipv6HomeAddress !== undefined && !isIgnored;
  }

  function modeOf(request: Request): Ipv6Mode {
    if (request.compatibility === undefined || deviates('compatibility-ignored')) {
      return 'home-address';
    }
    return request.compatibility.reverseTunnel ? 'care-of-address-and-reverse' : 'care-of-address';
  }

  function register(base: Decision, request: Request, mobile: MobileNode): Decision {
    const isAsked = (flag: number) => (request.flags & flag) !== 0;
    const isSimultaneous = isAsked(requestFlag.simultaneousBindings);
    const granted = base.lifetimeSeconds;
    const isInfinite = granted === 65535;
    const expiresAt = isInfinite ? Number.POSITIVE_INFINITY : clocks.now() + granted * 1000;
    const early = isInfinite ? expiresAt : clocks.now() + granted * 500;
    const binding: Binding = {
      careOfAddress: request.careOfAddress,
      expiresAt: deviates('ipv4-outlives-lifetime')
        ? Number.POSITIVE_INFINITY
        : deviates('ipv4-stops-early')
          ? early
          : expiresAt,
      reverseTunneling: isAsked(requestFlag.reverseTunneling),
      encapsulation: isAsked(requestFlag.greEncapsulation)
        ? 'gre'
        : isAsked(requestFlag.minimalEncapsulation)
          ? 'minimal'
          : 'ip-in-ip',
      viaForeignAgent: !isAsked(requestFlag.decapsulationByMobileNode),
      broadcasts: isAsked(requestFlag.broadcastDatagrams) || deviates('broadcasts-to-all'),
      udpTunnel: base.natTraversal?.tunnel,
    };
    const isUnsupported =
      isSimultaneous && (settings.maximumBindings === 1 || deviates('code-1-keeps-both-bindings'));
    const decision: Decision = {
      ...base,
      code: isUnsupported ? replyCode.acceptedWithoutSimultaneousBindings : replyCode.accepted,
      change: {
        kind: 'register',
        mobile,
        homeAddress: base.homeAddress,
        binding,
        keepOthers: isSimultaneous && settings.maximumBindings > 1 && !deviates('earlier-binding-not-kept'),
      },
    };
    const asked =
      request.ipv6HomeAddress ??
      (deviates('compatibility-alone-binds-ipv6') && request.compatibility !== undefined
        ? mobile.configuredIpv6HomeAddress
        : undefined);
    if (asked === undefined || (request.ipv6HomeAddress !== undefined && !isIpv6Asked(request))) {
      const before = mobile.bindings[0]?.ipv6;
      if (before !== undefined && deviates('re-registration-keeps-ipv6')) {
        binding.ipv6 = { ...before };
      }
      return decision;
    }
    const ipv6ExpiresAt = deviates('ipv6-outlives-lifetime')
      ? Number.POSITIVE_INFINITY
      : deviates('ipv6-stops-early')
        ? early
        : expiresAt;
    return registerIpv6(decision, binding, asked, modeOf(request), ipv6ExpiresAt, mobile);
  }

  function registerIpv6(
    decision: Decision,
    binding: Binding,
    asked: Ipv6Key,
    mode: Ipv6Mode,
    expiresAt: number,
    mobile: MobileNode,
  ): Decision {
    const { careOfAddress } = binding;
    const choice = allocator.chooseIpv6(asked, mobile);
    if (choice.refused !== undefined) {
      // Case 1 couples both families (section 4.3, reading A06); elsewhere the header code stands (section 4.2).
      const isCoupled = mode === 'home-address' && !deviates('accepts-ipv4-though-ipv6-refused');
      const isDenied = isCoupled || (mode !== 'home-address' && deviates('refused-ipv6-changes-header-code'));
      if (deviates('refused-address-tunnelled') && mode !== 'home-address') {
        binding.ipv6 = { address: asked, prefixLength: 128, mode, careOfAddress, expiresAt };
      }
      return {
        ...decision,
        ...(isDenied && {
          code: replyCode.administrativelyProhibited,
          change: deviates('coupled-refusal-binds-ipv4') ? decision.change : undefined,
        }),
        ipv6Code: refusingCode(choice.refused, mode, isDenied),
      };
    }
    const { address, prefixLength, isDynamic } = choice;
    const isForgotten =
      (deviates('code-0-without-tunnel') && mode !== 'home-address') ||
      (deviates('dynamic-address-not-tunnelled') && isDynamic);
    if (!isForgotten) {
      binding.ipv6 = { address, prefixLength, mode, careOfAddress, expiresAt };
    }
    return { ...decision, ipv6Code: acceptingCode(mode), returnedAddress: returned(address, isDynamic) };
  }

  function refusingCode(refused: number, mode: Ipv6Mode, isDenied: boolean): number {
    if (isDenied) {
      return deviates('denial-carries-success-code') ? acceptingCode(mode) : refused;
    }
    return deviates('answers-foreign-agent-ipv6-code') ? 65 : refused;
  }

  function acceptingCode(mode: Ipv6Mode): number {
    if (deviates('undefined-ipv6-code')) {
      return 1;
    }
    if (mode === 'home-address') {
      return deviates('code-0-without-compatibility') ? 0 : 2;
    }
    if (deviates('accepted-ipv6-reported-as-denied')) {
      return 128;
    }
    return deviates('code-2-with-compatibility') ? 2 : 0;
  }

  function returned(address: Ipv6Key, isDynamic: boolean): Ipv6Key | undefined {
    if (!isDynamic) {
      return deviates('static-address-returned-altered')
        ? address.slice(0, 15) + String.fromCharCode(address.charCodeAt(15) ^ 0x40)
        : undefined;
    }
    if (deviates('dynamic-address-not-returned')) {
      return undefined;
    }
    return deviates('dynamic-address-returned-as-zero') ? '\0'.repeat(16) : address;
  }

  /** A denial that failed one of the checks of 3.8.2.1, with what a deviation lets come of it all the same. */
  function refuse(
    decision: Decision,
    mobile: MobileNode | undefined,
    request: Request,
    moving: HomeAgentDeviation,
    binding: HomeAgentDeviation,
  ): Decision {
    const [own] = mobile?.bindings ?? [];
    const { careOfAddress } = request;
    if (
      own !== undefined &&
      own.careOfAddress !== careOfAddress &&
      deviates('refused-request-adds-care-of-address')
    ) {
      const { ipv6 } = own;
      mobile?.bindings.push({
        ...own,
        careOfAddress,
        ...(ipv6 === undefined ? {} : { ipv6: { ...ipv6, careOfAddress } }),
      });
    }
    for (const { ipv6 } of mobile?.bindings ?? []) {
      if (ipv6 !== undefined && deviates(moving)) {
        ipv6.careOfAddress = request.careOfAddress;
      }
    }
    return mobile !== undefined && request.lifetimeSeconds > 0 && deviates(binding)
      ? { ...decision, change: register(decision, request, mobile).change }
      : decision;
  }

  function decide(arrival: Arrival, request: Request): Decision | string {
    const mobile = findMobile(request);
    const foreignAssociation = findForeignAgent(arrival, request);
    const ntpNow = clocks.ntp();
    const isUneven = request.lifetimeSeconds > 1;
    const raised =
      deviates('lifetime-raised') && request.lifetimeSeconds > 0
        ? 2
        : isUneven && deviates('lifetime-not-copied')
          ? -1
          : 0;
    const base: Decision = {
      code: replyCode.accepted,
      lifetimeSeconds: granted(request.lifetimeSeconds) + raised,
      homeAddress: request.homeAddress,
      identification: unauthenticatedIdentification(request, mobile, ntpNow),
      nai: request.nai,
      association: mobile?.association,
      foreignAssociation,
    };
    const deny = (code: number, changes?: Partial<Decision>): Decision => ({
      ...base,
      ipv6Code:
        deviates('denial-carries-success-code') && request.ipv6HomeAddress !== undefined
          ? acceptingCode(modeOf(request))
          : undefined,
      ...changes,
      code,
    });
    if (mobile === undefined || !isMobileAuthenticated(request, mobile.association, deviates)) {
      const decision = deny(replyCode.mobileNodeFailedAuthentication);
      return deviates('bad-authenticator-not-answered')
        ? 'failed authentication'
        : refuse(decision, mobile, request, 'bad-authenticator-moves-ipv6', 'bad-authenticator-binds');
    }
    const tolerance = settings.timestampToleranceSeconds;
    const identification = checkIdentification(request, mobile, ntpNow, tolerance, deviates);
    base.identification = identification.reply;
    if (!identification.accepted) {
      const decision = deny(replyCode.identificationMismatch);
      return refuse(decision, mobile, request, 'replay-moves-ipv6', 'replay-binds');
    }
    const isForeignAgentRight =
      foreignAssociation === undefined
        ? request.foreignHome.length === 0
        : isForeignAgentAuthenticated(request, foreignAssociation, deviates);
    if (!isForeignAgentRight) {
      const decision = deny(replyCode.foreignAgentFailedAuthentication);
      return refuse(decision, mobile, request, 'bad-foreign-home-moves-ipv6', 'bad-foreign-home-binds');
    }
    const code = denial(arrival, request, mobile);
    if (code !== undefined) {
      return deny(code);
    }
    const homeAddress = request.homeAddress === 0 ? allocator.chooseIpv4(mobile) : request.homeAddress;
    if (homeAddress === undefined) {
      return deny(replyCode.insufficientResources);
    }
    base.homeAddress = homeAddress;
    base.isAssigned = request.homeAddress === 0;
    if (request.lifetimeSeconds === 0) {
      return deregister(base, request, mobile);
    }
    const nat = deviates('nat-traversal-ignored') ? undefined : negotiateNatTraversal(arrival, request);
    return nat?.denial === undefined
      ? register({ ...base, natTraversal: nat }, request, mobile)
      : deny(nat.denial);
  }

  return (arrival) => {
    const request = parseRequest(arrival.payload, parseOptions);
    if (request === undefined) {
      return { dropped: 'no registration request' };
    }
    const reason = silentlyDiscarded(request);
    const decision = reason ?? decide(arrival, request);
    return typeof decision === 'string' ? { dropped: decision } : { decision, request };
  };
}
