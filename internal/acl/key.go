package acl

// Key is the principal in the one spelling under which the service compares it: equal principals have equal keys, so a
// long list is compared through a map.
func (p Principal) Key() Principal { return p.fold() }
