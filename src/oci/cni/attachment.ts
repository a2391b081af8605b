/** A sandbox' connection to the network: what is asked for, and what came of it. */

export interface HostPortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  /** 0 publishes nothing. */
  readonly hostPort: number;
  /** Host address to listen on; empty = all. */
  readonly hostIp: string;
}

export interface NetworkAttachment {
  readonly sandboxId: string;
  /** Pinned network namespace. */
  readonly netnsPath: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly portMappings: readonly HostPortMapping[];
}

export interface NetworkResult {
  /** Addresses of the Pod without prefix length, the primary first. */
  readonly ips: readonly string[];
  readonly gateway?: string;
}

/** The mappings that publish a port. */
export function publishedPorts(attachment: NetworkAttachment): readonly HostPortMapping[] {
  return attachment.portMappings.filter((mapping) => mapping.hostPort > 0);
}
