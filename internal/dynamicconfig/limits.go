package dynamicconfig

import "github.com/perdure/perdure/internal/api/check"

// FieldLimits are the limits of fields of requests in the namespace with the name.
func FieldLimits(c *Config, namespace string) *check.Limits {
	return &check.Limits{
		ID:               IDLength.Get(c),
		Blob:             BlobSize.Get(c, namespace),
		Memo:             MemoSize.Get(c, namespace),
		Link:             LinkSize.Get(c, namespace),
		Links:            LinksPerRequest.Get(c, namespace),
		SearchAttribute:  SearchAttributeSize.Get(c, namespace),
		SearchAttributes: SearchAttributesSize.Get(c, namespace),
		BuildID:          BuildIDSize.Get(c),
	}
}
