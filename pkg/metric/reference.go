package metric

// ReadingDoc is the reference of one reading type.
type ReadingDoc struct {
	Reading string     `json:"reading"`
	Domain  string     `json:"domain"`
	Help    string     `json:"help"`
	Labels  []LabelDoc `json:"labels"`
	Metrics []FieldDoc `json:"metrics"`
}

// LabelDoc is the reference of one label.
type LabelDoc struct {
	Name string `json:"name"`
	Attr bool   `json:"descriptive"`
	Help string `json:"help"`
}

// FieldDoc is the reference of one metric.
type FieldDoc struct {
	Name       string  `json:"name"`
	Column     string  `json:"column"` // with the domain before it, the second name
	Page       string  `json:"page_name"`
	Kind       string  `json:"kind"`
	Unit       string  `json:"unit"`
	Resolution float64 `json:"resolution"`
	Help       string  `json:"help"`
}

// Reference documents the schemas in their order.
func Reference(schemas []*Schema) []ReadingDoc {
	out := make([]ReadingDoc, 0, len(schemas))
	for _, s := range schemas {
		d := ReadingDoc{Reading: s.Name, Domain: s.Domain, Help: s.Help, Labels: []LabelDoc{}}
		for i := range s.Labels {
			l := &s.Labels[i]
			d.Labels = append(d.Labels, LabelDoc{l.Name, l.Attr, l.Help})
		}
		for i := range s.Fields {
			f := &s.Fields[i]
			d.Metrics = append(d.Metrics, FieldDoc{f.Name, f.Column, f.Page, f.Kind.String(), string(f.Unit), f.Res, f.Help})
		}
		out = append(out, d)
	}
	return out
}
