package command

import (
	"encoding/json"
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
)

// EncodeTable encodes a table's descriptor as it is kept in a partition's state.
func EncodeTable(t *catalog.Table) ([]byte, error) { return json.Marshal(t) }

// DecodeTable is the inverse of EncodeTable. It refuses a descriptor whose
// parts do not fit together, so that who has one may rely on its indexes.
func DecodeTable(b []byte) (*catalog.Table, error) {
	t := new(catalog.Table)
	if err := json.Unmarshal(b, t); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if t.ID == 0 || len(t.PrimaryKey) == 0 {
		return nil, fmt.Errorf("%w: table without an id or a primary key", ErrMalformed)
	}
	for _, c := range t.PrimaryKey {
		if c < 0 || c >= len(t.Columns) {
			return nil, fmt.Errorf("%w: primary key names column %d of %d", ErrMalformed, c, len(t.Columns))
		}
	}
	for _, c := range t.Placement.Columns {
		if c < 0 || c >= len(t.PrimaryKey) {
			return nil, fmt.Errorf("%w: placement names key column %d of %d", ErrMalformed, c, len(t.PrimaryKey))
		}
	}
	return t, nil
}
