//go:build !linux

package metric

// Every package stands on this one or its neighbours, so on another system
// this is what the compiler says (PLA-04).
const _ = sysops_agent_supports_Linux_only_for_now__see_Platforms_in_ARCHITECTURE_md
