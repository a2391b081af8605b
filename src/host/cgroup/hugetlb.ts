/** Huge pages: the `hugetlb` controller. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

export const hugetlbV1 = (resources: CgroupResources): ControlWrite[] => limits(resources, "limit_in_bytes");
export const hugetlbV2 = (resources: CgroupResources): ControlWrite[] => limits(resources, "max");

function limits({ hugepages = [] }: CgroupResources, file: string): ControlWrite[] {
  return hugepages.map(({ pageSize, bytes }) => ({
    file: `hugetlb.${pageSize}.${file}`,
    value: String(bytes),
    field: "hugepages",
    optional: bytes === 0,
  }));
}
