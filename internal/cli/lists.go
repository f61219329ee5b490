package cli

import (
	"encoding/json"
	"reflect"
)

// withLists returns a copy of an answer in which every list is one, so that
// scripts never meet null where the reference promises a list. What writes its
// own JSON stays as it is.
func withLists(value any) any {
	if value == nil {
		return nil
	}
	return listed(reflect.ValueOf(value)).Interface()
}

var marshaler = reflect.TypeFor[json.Marshaler]()

func listed(v reflect.Value) reflect.Value {
	t := v.Type()
	if t.Implements(marshaler) {
		return v
	}
	out := reflect.New(t).Elem()
	out.Set(v)
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return v
		}
		inner := listed(v.Elem())
		if t.Kind() == reflect.Interface {
			out.Set(inner)
			break
		}
		out.Set(reflect.New(t.Elem()))
		out.Elem().Set(inner)
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				out.Field(i).Set(listed(v.Field(i)))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeMapWithSize(t, v.Len()))
		for entries := v.MapRange(); entries.Next(); {
			out.SetMapIndex(entries.Key(), listed(entries.Value()))
		}
	case reflect.Slice:
		out.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(listed(v.Index(i)))
		}
	}
	return out
}
