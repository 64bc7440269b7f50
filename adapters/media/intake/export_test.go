package intake

import "context"

// Decode is what Take decodes, and how much memory it reckons with.
func Decode(file []byte) (reckoned int64, decode func() error, err error) {
	p, err := inspect(file)
	return p.memory, func() error {
		if p.turn != upright {
			_, err := p.upright(context.Background(), 8*int64(len(file)))
			return err
		}
		_, err := p.decode(context.Background())
		return err
	}, err
}
